import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { completeJob, type TrainerEvent } from '../contracts/protocol.ts';
import { runJob, startTrainer } from './trainer-process.ts';

// The real trainer can't be made to speak another protocol or to die on cue: these are small programs that do. What it really
// says is tested in e2e/cli.
let dir: string;
beforeAll(() => (dir = mkdtempSync(join(tmpdir(), 'forja-trainer-test-'))));
afterAll(() => rmSync(dir, { recursive: true }));

const hello = (protocol_major = 1) =>
  line('hello', 0, { protocol_major, protocol_minor: 9, trainer_version: '9', llama_cpp_release: 'b1', devices: [] });
const scored = { job: 'score', mean_loss: 1.5, perplexity: 4.5, tokens: 10, rows: 2, peak_memory_bytes: 100 };
const job = completeJob('score', { model_path: 'm.gguf', tokens_path: 't.fjt' });

function line(type: string, seq: number, data: object): string {
  return JSON.stringify({ type, seq, time_ms: 1, data });
}

/** A program that runs this body, with `say` to write a line. */
function program(name: string, body: string): string {
  const path = join(dir, name);
  writeFileSync(path, `#!${process.execPath}\nconst say = (text) => process.stdout.write(text + '\\n');\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe.skipIf(process.platform === 'win32')('a trainer', () => {
  test('gives its result; unknown events are ignored', async () => {
    const seen: string[] = [];
    const trainerPath = program(
      'good',
      `say(${JSON.stringify(hello())}); say(${JSON.stringify(line('weather', 1, {}))}); say(${JSON.stringify(line('result', 2, scored))});`,
    );
    const result = await runJob<'score'>(job, { trainerPath, onEvent: ({ type }) => seen.push(type) });
    expect(result).toEqual(scored);
    expect(seen).toEqual(['hello', 'result']);
  });

  test('of another major version is refused and ended', async () => {
    const trainerPath = program('future', `say(${JSON.stringify(hello(2))}); setInterval(() => {}, 1000);`);
    await expect(runJob(job, { trainerPath })).rejects.toMatchObject({
      code: 'protocol_mismatch',
      details: { protocol_major: 2, expected: 1 },
    });
  });

  test('that writes anything but events is refused', async () => {
    const trainerPath = program('chatty', `say('Loading…'); setInterval(() => {}, 1000);`);
    await expect(runJob(job, { trainerPath })).rejects.toMatchObject({ code: 'protocol_violation' });
  });

  test('that is killed is told as killed', async () => {
    const trainerPath = program('slow', `say(${JSON.stringify(hello())}); setInterval(() => {}, 1000);`);
    const trainer = startTrainer<'score'>(job, { trainerPath, onEvent: () => trainer.kill() });
    await expect(trainer.finished).rejects.toMatchObject({ code: 'trainer_killed', details: { signal: 'SIGKILL' } });
  });

  test('takes commands on stdin, one a line, and stops with code 3', async () => {
    const trainerPath = program(
      'obedient',
      `say(${JSON.stringify(hello())});
       require('node:readline').createInterface({ input: process.stdin }).on('line', (command) => {
         if (command === 'stop') { say(${JSON.stringify(line('result', 1, scored))}); process.exitCode = 3; process.stdin.destroy(); }
       });`,
    );
    const onEvent = ({ type }: TrainerEvent) => {
      if (type === 'hello') trainer.send('stop');
    };
    const trainer = startTrainer<'score'>(job, { trainerPath, onEvent });
    expect(await trainer.finished).toEqual({ result: scored, stopped: true });
  });

  test('that is not there, and that can not be started', async () => {
    await expect(runJob(job, { trainerPath: join(dir, 'nowhere') })).rejects.toMatchObject({
      code: 'trainer_unstartable',
    });
  });

  test('leaves no job file behind', async () => {
    const trainerPath = program(
      'peek',
      `const path = process.argv[2]; if (JSON.parse(require('node:fs').readFileSync(path)).type !== 'score') process.exit(9);
       say(${JSON.stringify(hello())}); process.stderr.write(path); say(${JSON.stringify(line('result', 1, scored))});`,
    );
    let log = '';
    await runJob(job, { trainerPath, onLog: (text) => (log += text) });
    expect(log).toMatch(/job\.json$/);
    expect(existsSync(log)).toBe(false);
  });
});
