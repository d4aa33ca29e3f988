import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RunLock } from './run-lock.ts';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'forja-lock-'))));
afterEach(() => rmSync(dir, { recursive: true }));

const hold = (pids: unknown) => writeFileSync(join(dir, 'run.lock'), JSON.stringify({ pids }));

test('is there while it is held', () => {
  const lock = RunLock.take(dir);
  expect(readdirSync(dir)).toEqual(['run.lock']);
  lock.release();
  expect(readdirSync(dir)).toEqual([]);
});

test('is refused while another process lives: the first one, or its trainer', async () => {
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const gone = new Promise((resolve) => other.on('exit', resolve));
  hold([2 ** 22 + 1, other.pid]);
  expect(() => RunLock.take(dir)).toThrow(
    expect.objectContaining({ code: 'run_in_use', details: { path: dir, pids: [other.pid] } }),
  );
  other.kill('SIGKILL');
  await gone;
  RunLock.take(dir).release();
});

test.each([[[2 ** 22 + 1]], ['damaged'], [null]])('one left behind by the dead (%j) is taken over', (pids) => {
  hold(pids);
  RunLock.take(dir).release();
});

test('is orphaned when only the trainer lives on', () => {
  const dead = 2 ** 22 + 1;
  hold([dead, process.ppid]);
  expect(RunLock.isOrphaned(dir)).toBe(true);
  hold([process.ppid, dead]);
  expect(RunLock.isOrphaned(dir)).toBe(false);
  expect(RunLock.isHeld(dir)).toBe(true);
});

test('one from before the machine was started holds nothing, whatever process has its ids now', () => {
  hold([process.ppid]);
  utimesSync(join(dir, 'run.lock'), 0, 0);
  expect(RunLock.isHeld(dir)).toBe(false);
  RunLock.take(dir).release();
});

/** More than any system gives to a process. */
const DEAD = 2 ** 22 + 1;
const LEFT_BEHIND: readonly [what: string, files: Record<string, object>][] = [
  ['no lock', {}],
  ['a lock of the dead', { 'run.lock': { pids: [DEAD] } }],
  [
    'a lock of the dead that a dead one was taking over',
    { 'run.lock': { id: 'x', pids: [DEAD] }, 'run.lock.x': { pids: [DEAD] } },
  ],
];
const RACERS = 4;
const ROUNDS = 8;

test('of processes that come at once one gets it, round after round, whatever was left behind', async () => {
  const program = `
    const { RunLock } = await import(${JSON.stringify(new URL('run-lock.ts', import.meta.url).href)});
    const { createInterface } = await import('node:readline');
    let lock = null;
    process.stdout.write('ready\\n');
    for await (const word of createInterface({ input: process.stdin })) {
      if (word === 'release') {
        lock?.release();
        lock = null;
        process.stdout.write('released\\n');
        continue;
      }
      while (Date.now() < Number(word)); // as near to each other as clocks are
      try {
        lock = RunLock.take(${JSON.stringify(dir)});
        process.stdout.write('taken\\n');
      } catch (error) {
        process.stdout.write(error.code + '\\n');
      }
    }
    process.exit(0);`;
  const racers = Array.from({ length: RACERS }, () => spawn(process.execPath, ['--input-type=module', '-e', program]));
  const lines = racers.map((one) => createInterface({ input: one.stdout })[Symbol.asyncIterator]());
  const next = () => Promise.all(lines.map(async (line) => (await line.next()).value as string));
  const tell = (word: string) => {
    for (const one of racers) one.stdin.write(`${word}\n`);
    return next();
  };
  expect(await next()).toEqual(Array(RACERS).fill('ready'));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [what, files] of LEFT_BEHIND) {
      for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), JSON.stringify(content));
      const got = await tell(String(Date.now() + 20));
      expect([what, ...got.sort()]).toEqual([what, ...Array<string>(RACERS - 1).fill('run_in_use'), 'taken']);
      expect(readdirSync(dir), what).toEqual(['run.lock']);
      await tell('release');
      expect(readdirSync(dir), what).toEqual([]);
    }
  }
  for (const one of racers) one.stdin.end();
  await Promise.all(racers.map((one) => new Promise((resolve) => one.on('exit', resolve))));
}, 60_000);
