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

test.each([
  ['no lock', null as { id?: string; pids: number[] } | null],
  ['a lock of the dead', { pids: [2 ** 22 + 1] }],
  ['a lock of the dead that a dead one was taking over', { id: 'x', pids: [2 ** 22 + 1] }],
])(
  'of processes that come at once one gets it: %s',
  async (_, left) => {
    if (left !== null) writeFileSync(join(dir, 'run.lock'), JSON.stringify(left));
    if (left?.id !== undefined)
      writeFileSync(join(dir, `run.lock.${left.id}`), JSON.stringify({ pids: [2 ** 22 + 1] }));
    const program = `
    const { RunLock } = await import(${JSON.stringify(new URL('run-lock.ts', import.meta.url).href)});
    process.stdout.write('ready\\n');
    process.stdin.once('data', () => {
      try {
        RunLock.take(${JSON.stringify(dir)});
        process.stdout.write('taken\\n');
      } catch (error) {
        process.stdout.write(error.code + '\\n');
      }
    });
    process.stdin.on('end', () => process.exit(0));`;
    const processes = Array.from({ length: 4 }, () => spawn(process.execPath, ['--input-type=module', '-e', program]));
    const lines = processes.map((one) => createInterface({ input: one.stdout })[Symbol.asyncIterator]());
    const next = () => Promise.all(lines.map(async (line) => (await line.next()).value as string));
    expect(await next()).toEqual(Array(4).fill('ready'));
    for (const one of processes) one.stdin.write('go\n');
    expect((await next()).sort()).toEqual(['run_in_use', 'run_in_use', 'run_in_use', 'taken']);
    for (const one of processes) one.stdin.end();
    await Promise.all(processes.map((one) => new Promise((resolve) => one.on('exit', resolve))));
    expect(readdirSync(dir)).toEqual(['run.lock']);
  },
  60_000,
);
