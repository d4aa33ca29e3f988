import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { learningRate } from '../../main/domain/learning-rate.ts';
import { trainableParameters, TARGET_MODULES } from '../../main/domain/lora-parameters.ts';
import { alpacaRows, expectRefusal, fixture, useWorkplace, type Line, type Outcome } from '../support/forja.ts';

const place = useWorkplace();
const STEPS = 8;

/** Arguments of a run on a tiny model: two epochs, each step long enough (0.1 s) for a signal to come between two. */
function trainArgs(out: string, ...more: string[]): string[] {
  return [
    ...['train', '--model', fixture('llama-f32.gguf'), '--data', place.path('rows.jsonl'), '--out', place.path(out)],
    ...['--lora-rank', '4', '--lora-alpha', '8', '--target-modules', 'all-linear', '--max-seq-len', '128'],
    ...[
      '--learning-rate',
      '1e-3',
      '--micro-batch-size',
      '2',
      '--gradient-accumulation-steps',
      '50',
      '--max-steps',
      String(STEPS),
    ],
    ...['--checkpoint-steps', '2', '--seed', '3', '--threads', '1', '--device', 'cpu', '--json', ...more],
  ];
}
const losses = ({ events }: Outcome) => events('step').map(({ step, train_loss }) => [step, train_loss]);
const adapter = (out: string) => readFileSync(place.path(`${out}/adapter.gguf`));

let whole: Outcome;
beforeAll(async () => {
  place.write('rows.jsonl', `${alpacaRows(400)}\n{"instruction": broken\n`);
  whole = await place.forja(...trainArgs('whole', '--val-share', '0.2', '--eval-steps', '4'));
});

describe('a whole run', () => {
  test('ends with 0 and its result', () => {
    expect(whole.stderr).toBe('');
    expect(whole.code).toBe(0);
    expect(whole.last).toMatchObject({
      type: 'summary',
      command: 'train',
      ok: true,
      status: 'completed',
      steps: STEPS,
      adapter_path: place.path('whole/adapter.gguf'),
      rows_read: 401,
      rows_used: 400,
      rows_refused: 1,
    });
    for (const name of ['train_loss', 'val_loss', 'best_val_loss', 'peak_memory_bytes', 'trainable_parameters']) {
      expect(whole.last[name], name).toBeGreaterThan(0);
    }
  });

  test("passes the trainer's events on as they are, in order", () => {
    const events = whole.lines.slice(0, -1);
    expect(events[0]?.type).toBe('hello');
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at));
    expect(events.at(-1)).toMatchObject({ type: 'result', data: { job: 'train' } });
    expect(readFileSync(place.path('whole/events.jsonl'), 'utf8').trimEnd().split('\n')).toHaveLength(events.length);
  });

  test('reports each step, with the learning rate of the formula', () => {
    const steps = whole.events('step');
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, at) => at + 1));
    const schedule = { learning_rate: 1e-3, lr_scheduler: 'linear', warmup_steps: 0, warmup_ratio: 0.03 } as const;
    for (const { step, learning_rate, train_loss, grad_norm, tokens_per_second } of steps as Record<string, number>[]) {
      expect(learning_rate).toBeCloseTo(learningRate(schedule, step!, STEPS), 9);
      for (const value of [train_loss, grad_norm, tokens_per_second]) expect(value).toBeGreaterThan(0);
    }
  });

  test('counts trainable parameters as the formula does', async () => {
    const { last } = await place.forja('inspect', fixture('llama-f32.gguf'), '--json');
    const sizes = last as unknown as Parameters<typeof trainableParameters>[0];
    expect(whole.last.trainable_parameters).toBe(
      trainableParameters(sizes, { method: 'lora', target_modules: TARGET_MODULES, lora_rank: 4 }),
    );
  });

  test('learns', () => {
    const [first, last] = [losses(whole)[0]![1], losses(whole).at(-1)![1]] as [number, number];
    expect(last).toBeLessThan(first);
  });

  test('leaves a folder that holds all of it, and nothing half-written', () => {
    const run = JSON.parse(readFileSync(place.path('whole/run.json'), 'utf8')) as Record<string, unknown>;
    expect(run).toMatchObject({ status: 'completed', steps: STEPS, template: 'model', val_tokens: 'data/val.fjt' });
    expect(readdirSync(place.path('whole')).sort()).toEqual(
      [
        'adapter.gguf',
        'audit.json',
        'best',
        'checkpoints',
        'data',
        'events.jsonl',
        'job.json',
        'metrics.csv',
        'run.json',
        'tensorboard',
        'trainer.log',
      ].sort(),
    );
    expect(readdirSync(place.path('whole/checkpoints'))).toHaveLength(3);
  });

  test('is listed and shown by forja runs', async () => {
    const { lines } = await place.forja('runs', '--json');
    expect(lines[0]).toMatchObject({ type: 'run', status: 'completed', steps: STEPS, out_dir: place.path('whole') });
    const shown = await place.forja('runs', lines[0]!.id as string, '--json');
    expect(shown.last).toMatchObject({ recorded_steps: STEPS, recorded_validations: 3, settings: { lora_rank: 4 } });
    expect(shown.lines.filter(({ type }) => type === 'step').map(({ step, train_loss }) => [step, train_loss])).toEqual(
      losses(whole),
    );
    expect((await place.forja('runs', place.path('whole'))).stdout).toContain('completed');
  });

  test('the same again gives the same, bit for bit', async () => {
    const again = await place.forja(...trainArgs('again', '--val-share', '0.2', '--eval-steps', '4'));
    expect(losses(again)).toEqual(losses(whole));
    expect(adapter('again').equals(adapter('whole'))).toBe(true);
  });
});

describe('stopping and going on', () => {
  /** Trains with validation as the whole run did, and does something at a step. */
  const interrupted = (out: string, atStep: number, act: (line: Line, pid: number) => void) =>
    place.watch(trainArgs(out, '--val-share', '0.2', '--eval-steps', '4'), (line, child) => {
      if (line.type === 'step' && line.data?.step === atStep) act(line, child.pid!);
    });
  const trainerPid = (out: string) =>
    (JSON.parse(readFileSync(place.path(`${out}/run.lock`), 'utf8')) as { pids: number[] }).pids.at(-1)!;

  test('a killed trainer is told as such, and resume gives what a whole run would, bit for bit', async () => {
    // The lock with the trainer's id is written before the first event is read.
    const killed = await interrupted('killed', 4, () => process.kill(trainerPid('killed'), 'SIGKILL'));
    expectRefusal(killed, 'trainer_killed', /killed \(SIGKILL\)/, 1);
    expect(killed.last.hint).toContain('forja resume');
    expect(existsSync(place.path('killed/adapter.gguf'))).toBe(false);
    const resumed = await place.forja('resume', place.path('killed'), '--json');
    expect(resumed.code).toBe(0);
    expect(resumed.last).toMatchObject({ command: 'resume', status: 'completed', steps: STEPS });
    expect(adapter('killed').equals(adapter('whole'))).toBe(true);
    const from = resumed.last.resumed_from_step as number;
    expect(from).toBeGreaterThanOrEqual(2);
    expect(losses(resumed)).toEqual(losses(whole).slice(from));
    expect(resumed.last.val_loss).toBe(whole.last.val_loss);
  });

  test('an interrupt writes a checkpoint and ends with 3; resume goes on from it, also with no database', async () => {
    const stopped = await interrupted('stopped', 1, (_, pid) => process.kill(pid, 'SIGINT'));
    expect(stopped.code).toBe(3);
    expect(stopped.last).toMatchObject({ status: 'stopped', ok: false, exit_code: 3, adapter_path: null });
    expect(stopped.last.last_checkpoint_path).toMatch(/step-\d+$/);
    rmSync(place.path('forja-data'), { recursive: true });
    const resumed = await place.forja('resume', place.path('stopped'), '--json');
    expect(resumed.code).toBe(0);
    expect(adapter('stopped').equals(adapter('whole'))).toBe(true);
  });

  test('resuming a completed run changes nothing and ends with 0', async () => {
    const before = adapter('whole');
    const { code, last } = await place.forja('resume', place.path('whole'), '--json');
    expect(code).toBe(0);
    expect(last).toMatchObject({ status: 'completed', steps: STEPS, train_loss: whole.last.train_loss });
    expect(adapter('whole').equals(before)).toBe(true);
  });

  test('a folder that holds no run', async () => {
    expectRefusal(await place.forja('resume', place.dir, '--json'), 'run_not_found', /no run\.json/);
  });

  test('a model that was changed meanwhile', async () => {
    place.write('m.gguf', readFileSync(fixture('llama-f32.gguf')));
    const stopped = await place.watch(
      trainArgs('moved').map((arg) => (arg === fixture('llama-f32.gguf') ? place.path('m.gguf') : arg)),
      (line, child) => {
        if (line.type === 'step' && line.data?.step === 1) child.kill('SIGINT');
      },
    );
    expect(stopped.code).toBe(3);
    place.write('m.gguf', readFileSync(fixture('bad-nan-weights.gguf')));
    expectRefusal(await place.forja('resume', place.path('moved'), '--json'), 'model_changed', /SHA-256/);
    const { code } = await place.forja('resume', place.path('moved'), '--model', fixture('llama-f32.gguf'), '--json');
    expect(code).toBe(0);
  });
});

describe('the output folder', () => {
  test('that holds another run is refused and stays whole; --overwrite replaces it', async () => {
    await place.forja(...trainArgs('taken'));
    const before = adapter('taken');
    expectRefusal(await place.forja(...trainArgs('taken')), 'out_dir_holds_run', /holds another run/);
    expect(adapter('taken').equals(before)).toBe(true);
    const replaced = await place.forja(...trainArgs('taken', '--overwrite', '--seed', '4'));
    expect(replaced.code).toBe(0);
    expect(adapter('taken').equals(before)).toBe(false);
  });

  test('a bad dataset with --overwrite leaves the earlier run whole', async () => {
    await place.forja(...trainArgs('kept'));
    const before = readdirSync(place.path('kept/data'));
    expect(before).toContain('train.fjt');
    const empty = place.write('empty.jsonl', '');
    const outcome = await place.forja(
      ...trainArgs('kept', '--overwrite').map((arg) => (arg === place.path('rows.jsonl') ? empty : arg)),
    );
    expectRefusal(outcome, 'dataset_empty', /empty\.jsonl/);
    expect(existsSync(place.path('kept/adapter.gguf'))).toBe(true);
    expect(readdirSync(place.path('kept/data'))).toEqual(before);
  });

  test('that can not be made', async () => {
    place.write('file', '');
    expectRefusal(await place.forja(...trainArgs('file/below')), 'out_dir_unwritable', /can't be written/);
  });
});
