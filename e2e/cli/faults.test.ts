import { spawn, spawnSync, type SpawnSyncOptionsWithStringEncoding } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { alpacaRows, expectRefusal, fixture, useWorkplace, type Outcome } from '../support/forja.ts';

const place = useWorkplace();
const STEPS = 4;
const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
/** Small file systems and networks without a route are root's to make. */
const canMount = isRoot && spawnSync('unshare', ['-m', '-n', 'true']).status === 0;
const TRAINER = process.env.FORJA_TRAINER ?? join(import.meta.dirname, '../../native/build/forja-trainer');

function trainArgs(out: string, model: string): string[] {
  const rows = place.write('rows.jsonl', alpacaRows(40));
  const options = {
    'lora-rank': 8,
    'max-seq-len': 128,
    'learning-rate': 1e-3,
    'gradient-accumulation-steps': 4,
    'max-steps': STEPS,
    'checkpoint-steps': 1,
    seed: 3,
    threads: 1,
    device: 'cpu',
  };
  const given = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return ['train', '--model', model, '--data', rows, '--out', out, ...given, '--json'];
}
const checkpoints = (out: string) => readdirSync(join(out, 'checkpoints')).sort();
const adapter = (out: string) => readFileSync(join(out, 'adapter.gguf'));

interface Answer {
  type: string;
  data: { code: string; hint: string; message: string };
}
const answerOf = (stdout: string) => JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '{}') as Answer;

/** The end of a pipe on stdin would tell the trainer that nobody waits for it. */
const quiet: SpawnSyncOptionsWithStringEncoding = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] };

const mounted: string[] = [];
function smallDisk(name: string, kilobytes: number): string {
  const path = place.path(name);
  mkdirSync(path);
  expect(spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', path]).status).toBe(0);
  mounted.push(path);
  return path;
}
/** Pages that files take, of 4 KiB each. */
function pages(path: string): number {
  if (!statSync(path).isDirectory()) return Math.ceil(statSync(path).size / 4096);
  return readdirSync(path).reduce((sum, name) => sum + pages(join(path, name)), 1);
}

const fillDisk = (path: string) =>
  spawnSync('dd', ['if=/dev/zero', `of=${path}`, 'bs=1k', 'count=100000'], { stdio: 'ignore' });

beforeAll(async () => {
  const whole = await place.forja(...trainArgs(place.path('whole'), fixture('llama-f32.gguf')));
  expect(whole.last).toMatchObject({ status: 'completed', steps: STEPS });
});
afterAll(() => {
  for (const path of mounted) spawnSync('umount', [path]);
});

test('a model that is cut short while it is mapped ends the run with its name; with the file back, it goes on', async () => {
  const model = place.path('shrinks.gguf');
  copyFileSync(fixture('llama-f32.gguf'), model);
  const out = place.path('shrunk');
  const ended = await place.watch(trainArgs(out, model), (line) => {
    if (line.type === 'step' && line.data?.step === 1) truncateSync(model, 4096);
  });
  expectRefusal(ended, 'file_changed', /shrinks\.gguf was cut short/, 1);
  copyFileSync(fixture('llama-f32.gguf'), model);
  expect((await place.forja('resume', out, '--json')).last).toMatchObject({ status: 'completed', steps: STEPS });
  expect(adapter(out).equals(adapter(place.path('whole')))).toBe(true);
});

describe.runIf(canMount)('a full disk (root’s to make)', () => {
  test('in a checkpoint: the earlier ones stay whole, and the run goes on when there is room', async () => {
    // Room for all but the second checkpoint.
    const whole = place.path('whole');
    const [checkpoint] = checkpoints(whole);
    const one = pages(join(whole, 'checkpoints', checkpoint!));
    const besides = pages(whole) - pages(join(whole, 'checkpoints')) - pages(join(whole, 'adapter.gguf'));
    const disk = smallDisk('checkpoints', 4 * Math.ceil(besides + 1.6 * one));
    const out = join(disk, 'run');
    const ended = await place.forja(...trainArgs(out, fixture('llama-f32.gguf')));
    expectRefusal(ended, 'disk_full', /disk is full/, 1);
    expect(checkpoints(out)).not.toEqual([]);
    expect(checkpoints(out).filter((name) => !/^step-\d{8}$/.test(name))).toEqual([]);
    spawnSync('mount', ['-o', 'remount,size=9000k', disk]);
    expect((await place.forja('resume', out, '--json')).last).toMatchObject({ status: 'completed', steps: STEPS });
    expect(adapter(out).equals(adapter(place.path('whole')))).toBe(true);
  });

  test.each([
    { type: 'same', kilobytes: 200 },
    { type: 'auto', kilobytes: 40 }, // less than the smallest type that is tried
  ])('in an export ($type): nothing half-written is left, and what was there stays', async ({ type, kilobytes }) => {
    const disk = smallDisk(`exports-${type}`, kilobytes);
    const output = join(disk, 'merged.gguf');
    const args = ['export', '--run', place.path('whole'), '--output', output, '--type', type, '--no-check', '--json'];
    expectRefusal(await place.forja(...args), 'disk_full', /disk is full|needs at least \d+ bytes/, 1);
    expect(readdirSync(disk)).toEqual([]);
    writeFileSync(output, 'an earlier export');
    expectRefusal(await place.forja(...args, '--overwrite'), 'disk_full', /disk is full|needs at least/, 1);
    expect(readFileSync(output, 'utf8')).toBe('an earlier export');
    expect(readdirSync(disk)).toEqual(['merged.gguf']);
  });

  test('in an evaluation: what was answered stays, and the same command goes on when there is room', async () => {
    const disk = smallDisk('evaluation', 400);
    const held_out = place.write('held-out.jsonl', alpacaRows(10));
    const evaluate = (out: string) => [
      ...['evaluate', '--run', place.path('whole'), '--data', held_out, '--metric', 'exact_match', '--out', out],
      ...['--max-tokens', '24', '--threads', '1', '--json'],
    ];
    const fill = join(disk, 'fill');
    const ended = await place.watch(evaluate(disk), (line) => {
      if (line.phase === 'answers' && line.side === 'base' && line.done === 2) fillDisk(fill);
    });
    expectRefusal(ended, 'disk_full', /disk is full/i, 1);
    rmSync(fill);
    const resumed = await place.forja(...evaluate(disk));
    expect(resumed.last, resumed.stderr).toMatchObject({ ok: true, status: 'completed' });
    const answered = resumed.lines.filter(({ phase, side }) => phase === 'answers' && side === 'base').length;
    expect(answered).toBeLessThan(10);
    const whole = await place.forja(...evaluate(place.path('evaluated')));
    const { out_dir: _, ...figures } = whole.last;
    expect(resumed.last).toMatchObject(figures);
  });

  test('under the database: told before the run; during it, the run goes on and its folder has all', async () => {
    const disk = smallDisk('data', 1000);
    const own = place.data_dir;
    const withData = async (data_dir: string, work: () => Promise<Outcome>) => {
      place.data_dir = data_dir;
      return work().finally(() => (place.data_dir = own));
    };
    const fill = join(disk, 'fill');
    const out = place.path('unrecorded');
    const run = await withData(join(disk, 'forja'), () =>
      place.watch(trainArgs(out, fixture('llama-f32.gguf')), (line) => {
        if (line.type === 'step' && line.data?.step === 1) fillDisk(fill);
      }),
    );
    expect(run.last).toMatchObject({ ok: true, status: 'completed', steps: STEPS });
    expect(adapter(out).equals(adapter(place.path('whole')))).toBe(true);
    rmSync(join(disk, 'forja'), { recursive: true });
    fillDisk(fill);
    const never = place.path('never');
    const refused = await withData(join(disk, 'other'), () => place.forja(...trainArgs(never, fixture('llama-f32.gguf')))); // prettier-ignore
    expectRefusal(refused, 'disk_full', /disk is full/i, 1);
    expect(existsSync(never)).toBe(false);
  });
});

test('a run that left all bounds goes on with the command that its hint names, and comes to its end', async () => {
  const out = place.path('unbounded');
  const steps = 30;
  const reckless = [
    '--learning-rate',
    '10',
    '--weight-decay',
    '10',
    '--warmup-ratio',
    '0',
    '--max-steps',
    String(steps),
  ];
  const [command, ...args] = trainArgs(out, fixture('llama-f32.gguf'));
  const given = args.filter((one, at) => ![one, args[at - 1]].some((flag) => ['--learning-rate', '--max-steps'].includes(flag ?? ''))); // prettier-ignore
  let ended = await place.forja(command!, ...given, ...reckless);
  expectRefusal(ended, 'loss_not_finite', /not a finite number/, 1);
  const rates: number[] = [];
  while (ended.code !== 0 && rates.length < 8) {
    const told = /forja (resume .* --learning-rate (\S+))$/.exec(ended.last.hint as string)!;
    rates.push(Number(told[2]));
    ended = await place.forja(...told[1]!.split(' '), '--json');
  }
  expect(ended.last, String(rates)).toMatchObject({ status: 'completed', steps });
  expect(rates[0]).toBe(2.5);
});

test.each([
  ['score', { tokens_path: 'data/train.fjt' }],
  ['export', { format: 'gguf', adapter_path: 'adapter.gguf', output_path: 'abandoned.gguf' }],
  ['verify', { adapter_path: 'adapter.gguf', exported_path: 'exported.gguf', tokens_path: 'data/train.fjt' }],
])('a %s job ends when whoever started it is gone, and leaves nothing', async (type, files) => {
  const run = place.path('whole');
  const names = () => readdirSync(run).sort();
  if (type === 'verify') await place.forja('export', '--run', run, '--output', join(run, 'exported.gguf'), '--no-check'); // prettier-ignore
  const before = names();
  const paths = Object.fromEntries(
    Object.entries(files).map(([name, value]) => [name, name.endsWith('_path') ? join(run, value) : value]),
  );
  const job = { protocol_major: 1, type, model_path: fixture('llama-f32.gguf'), ...paths };
  const path = place.write('abandoned.json', JSON.stringify(job));
  // Its end is in the pipe before the trainer begins, so that the job can't be done before it is read.
  const { status, stdout } = spawnSync(TRAINER, [path], { encoding: 'utf8', input: '' });
  expect([status, stdout.includes('"result"')]).toEqual([3, false]);
  expect(names()).toEqual(before);
});

test('two trainers never work in one folder, and what one reports is kept there though nobody reads it', async () => {
  const out_dir = place.path('twice');
  const job = {
    ...{ protocol_major: 1, type: 'train', model_path: fixture('llama-f32.gguf'), out_dir, device: 'cpu', threads: 1 },
    ...{ train_tokens_path: place.path('whole/data/train.fjt'), max_seq_len: 128, max_steps: 100_000, lora_rank: 4 },
  };
  const path = place.write('twice.json', JSON.stringify(job));
  const first = spawn(TRAINER, [path], { stdio: ['pipe', 'pipe', 'ignore'] });
  await new Promise<void>((resolve) => {
    let text = '';
    first.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      if (text.includes('"type":"step"')) resolve();
    });
  });
  const { status, stdout } = spawnSync(TRAINER, [path], quiet);
  expect([status, answerOf(stdout)]).toMatchObject([1, { type: 'error', data: { code: 'output_busy' } }]);
  first.stdout.destroy();
  first.stdin.end();
  expect(await new Promise((resolve) => first.on('exit', resolve))).toBe(3);
  const kept = readFileSync(join(out_dir, 'events.jsonl'), 'utf8').trimEnd().split('\n');
  const { type, data } = JSON.parse(kept.at(-1)!) as { type: string; data: { status: string; steps: number } };
  expect([type, data.status]).toEqual(['result', 'stopped']);
  expect(kept.filter((line) => line.includes('"type":"step"'))).toHaveLength(data.steps);
});

test.runIf(process.platform === 'linux')('too little memory is told as that', () => {
  const job = { protocol_major: 1, type: 'bench', model_path: fixture('llama-f32.gguf'), mode: 'forward' };
  const more = { max_seq_len: 131072, micro_batch_size: 1, steps: 1, threads: 1 };
  const path = place.write('starved.json', JSON.stringify({ ...job, ...more }));
  const limited = `ulimit -v 300000; exec "${TRAINER}" "${path}"`;
  const { status, stdout } = spawnSync('sh', ['-c', limited], quiet);
  expect(answerOf(stdout)).toMatchObject({ type: 'error', data: { code: 'out_of_memory' } });
  expect(answerOf(stdout).data.hint).toMatch(/max_seq_len/);
  expect(status).toBe(1);
});

test.runIf(isRoot)('a folder that may not be written is told as such, to an ordinary user (root’s to try)', () => {
  const locked = place.path('locked');
  mkdirSync(locked);
  chmodSync(locked, 0o555);
  chmodSync(place.dir, 0o755);
  for (const name of ['base.gguf', 'adapter.gguf', 'trainer']) {
    const from = { 'base.gguf': fixture('llama-f32.gguf'), 'adapter.gguf': place.path('whole/adapter.gguf'), trainer: TRAINER }; // prettier-ignore
    copyFileSync(from[name as keyof typeof from], place.path(name));
    chmodSync(place.path(name), 0o755);
  }
  const job = {
    ...{ protocol_major: 1, type: 'export', format: 'gguf' },
    model_path: place.path('base.gguf'),
    adapter_path: place.path('adapter.gguf'),
    output_path: join(locked, 'x.gguf'),
  };
  const path = place.write('locked.json', JSON.stringify(job));
  const { stdout } = spawnSync(place.path('trainer'), [path], { ...quiet, uid: 65534, gid: 65534 });
  expect(answerOf(stdout)).toMatchObject({ type: 'error', data: { code: 'output_not_writable' } });
  expect(answerOf(stdout).data.message).toContain(locked);
  expect(readdirSync(locked)).toEqual([]);
});

test.runIf(canMount)('a whole run, with no network at all, is the same run (root’s to try)', () => {
  const out = place.path('alone');
  const entry = join(import.meta.dirname, '../../main/cli/forja.mjs');
  const args = ['-n', process.execPath, entry, ...trainArgs(out, fixture('llama-f32.gguf'))];
  const env = { ...process.env, FORJA_DATA_DIR: place.data_dir };
  const { status, stderr } = spawnSync('unshare', args, { cwd: place.dir, env, encoding: 'utf8' });
  expect(`${status} ${stderr.includes('ENETUNREACH') || stderr.includes('EAI_AGAIN')}`).toBe('0 false');
  expect(adapter(out).equals(adapter(place.path('whole')))).toBe(true);
});
