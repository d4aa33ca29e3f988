import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ipc, ipcEvents, type IpcEvent, type NewRunRequest, type RunSummary } from '../contracts/ipc.ts';
import type { EventName } from '../contracts/channels.ts';
import { openDb, type ForjaDb } from '../db/index.ts';
import { openCore, type Core } from './index.ts';
import { writeTrainerProgram } from './testing/trainer-program.ts';

let dir: string;
let db: ForjaDb;
let core: Core;
let events: { name: EventName; data: unknown }[];
const trainerBefore = process.env.FORJA_TRAINER;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'forja-queue-'));
  process.env.FORJA_TRAINER = writeTrainerProgram(dir);
  writeFileSync(join(dir, 'model.gguf'), 'model');
  writeFileSync(
    join(dir, 'rows.jsonl'),
    [1, 2, 3].map((n) => JSON.stringify({ instruction: `question ${n}`, output: `answer ${n}` })).join('\n'),
  );
  db = openDb(join(dir, 'forja.sqlite3'));
  open();
});
afterEach(async () => {
  await core.close();
  db.close();
  rmSync(dir, { recursive: true, force: true });
  if (trainerBefore === undefined) delete process.env.FORJA_TRAINER;
  else process.env.FORJA_TRAINER = trainerBefore;
});

function open(): void {
  events = [];
  core = openCore({
    db,
    // What is told must be as the contract says.
    emit: (name, data) => void events.push({ name, data: ipcEvents[name].parse(data) }),
    settings: () => ({ runs_dir: join(dir, 'runs'), device: 'cpu', threads: 1, checkpoints_kept: 3 }),
  });
}

const request = (name: string, over: Partial<NewRunRequest> = {}): NewRunRequest => ({
  name,
  model_path: join(dir, 'model.gguf'),
  data_path: join(dir, 'rows.jsonl'),
  val_path: null,
  val_share: 0,
  format: 'auto',
  columns: {},
  template: 'auto',
  settings: { lora_rank: 4 },
  sample_prompts: [],
  estimated_memory_bytes: 123,
  ...over,
});
const told = <Name extends EventName>(name: Name) =>
  events.filter((event) => event.name === name).map(({ data }) => data as IpcEvent<Name>);

async function until(holds: () => boolean): Promise<void> {
  for (const start = Date.now(); !holds();) {
    if (Date.now() - start > 15_000) throw new Error(`waited too long: ${JSON.stringify(core.queue.summaries())}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
const statusOf = (run: RunSummary) => core.queue.summary(run.id).status;
const settled = () =>
  until(() => core.queue.state().active_run_id === null && core.queue.state().waiting_run_ids.length === 0);

describe.skipIf(process.platform === 'win32')('the queue', () => {
  test('runs one after another, and one that fails does not stop the next', async () => {
    const runs = ['one', 'two fails', 'three'].map((name) => core.queue.create(request(name)));
    expect(runs.map(({ queue_position }) => queue_position)).toEqual([0, 1, 2]);
    expect(core.queue.start()).toEqual([]);
    await settled();
    expect(runs.map(statusOf)).toEqual(['completed', 'failed', 'completed']);
    const [one, two] = runs.map(({ id }) => core.queue.summary(id));
    expect(one).toMatchObject({
      steps: 3,
      total_steps: 3,
      has_adapter: true,
      can_continue: false,
      estimated_memory_bytes: 123,
    });
    expect(two).toMatchObject({
      can_continue: true,
      error: { code: 'loss_not_finite', hint: 'Lower it.', details: { step: '1' } },
    });
    const started = told('queue.changed').map(({ active_run_id }) => active_run_id);
    expect([...new Set(started.filter((id) => id !== null))]).toEqual(runs.map(({ id }) => id));
    const steps = told('run.steps').filter(({ run_id }) => run_id === runs[0]!.id);
    expect(steps.flatMap((progress) => progress.steps.map(({ step }) => step))).toEqual([1, 2, 3]);
    expect(steps[0]!.forget_after_step).toBe(0);
    const detail = ipc['runs.get'].response.parse(await core.handlers['runs.get']({ run_id: runs[0]!.id }));
    expect(detail).toMatchObject({
      template: 'alpaca',
      format: 'alpaca',
      plan: { total_steps: 3 },
      settings: { lora_rank: 4 },
    });
    expect(detail.dataset?.data.rows_used).toBe(3);
    const log = await core.handlers['runs.log']({ run_id: runs[1]!.id, limit: 10 });
    expect(log.map(({ level, code }) => [level, code])).toContainEqual(['error', 'loss_not_finite']);
    expect(log.map(({ text }) => text)).toContain('a line of the log');
  });

  test('waiting runs can be reordered and taken out, and still wait after a restart', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => core.queue.create(request(name)));
    expect(() => core.queue.reorder([a!.id, b!.id])).toThrow(expect.objectContaining({ code: 'run_not_waiting' }));
    core.queue.reorder([c!.id, a!.id, b!.id]);
    core.queue.remove(a!.id);
    expect(core.queue.summary(a!.id)).toMatchObject({ status: 'stopped', queue_position: null, can_continue: true });
    expect(() => core.queue.remove(a!.id)).toThrow(expect.objectContaining({ code: 'run_not_waiting' }));
    await core.close();
    open();
    expect(core.queue.state()).toEqual({ active_run_id: null, waiting_run_ids: [c!.id, b!.id] });
    core.queue.start();
    await settled();
    expect([a, b, c].map((run) => statusOf(run!))).toEqual(['stopped', 'completed', 'completed']);
  });

  test('a run is paused, resumed, stopped with a checkpoint, and goes on from there', async () => {
    core.queue.start();
    const run = core.queue.create(request('waits'));
    await until(() => core.queue.summary(run.id).steps === 1);
    core.queue.command(run.id, 'pause');
    await until(() => core.queue.summary(run.id).is_paused);
    core.queue.command(run.id, 'resume');
    await until(() => !core.queue.summary(run.id).is_paused);
    expect(() => core.queue.continue(run.id)).toThrow(expect.objectContaining({ code: 'run_not_continuable' }));
    core.queue.command(run.id, 'stop');
    await settled();
    expect(core.queue.summary(run.id)).toMatchObject({ status: 'stopped', steps: 1, can_continue: true, phase: null });
    expect(() => core.queue.command(run.id, 'stop')).toThrow(expect.objectContaining({ code: 'run_not_active' }));
    core.queue.continue(run.id);
    await settled();
    expect(core.queue.summary(run.id)).toMatchObject({ status: 'completed', steps: 3 });
    expect(
      told('run.steps')
        .map(({ forget_after_step }) => forget_after_step)
        .filter((step) => step !== null),
    ).toEqual([0, 1]);
  });

  test('closing waits for the active run, but not for ever', async () => {
    core.queue.start();
    const run = core.queue.create(request('waits, and ends slowly'));
    await until(() => core.queue.summary(run.id).steps === 1);
    expect(await core.queue.close(20)).toBe(false);
    expect(statusOf(run)).toBe('training');
    expect(await core.queue.close()).toBe(true);
    expect(statusOf(run)).toBe('stopped');
  });

  test('a trainer that is killed leaves a run that goes on from its checkpoint', async () => {
    core.queue.start();
    const run = core.queue.create(request('dies'));
    await settled();
    expect(core.queue.summary(run.id)).toMatchObject({
      status: 'failed',
      can_continue: true,
      has_adapter: true,
      error: { code: 'trainer_killed' },
    });
  });

  test('after a crash of the app its run is marked interrupted, and one that a live process holds is not', async () => {
    const crashed = core.queue.create(request('crashed'));
    const held = core.queue.create(request('held'));
    for (const { id } of [crashed, held]) db.runs.change(id, { status: 'training', queue_order: null });
    mkdirSync(held.out_dir, { recursive: true });
    writeFileSync(join(held.out_dir, 'run.lock'), JSON.stringify({ pids: [process.ppid] }));
    await core.close();
    open();
    const interrupted = core.queue.start();
    expect(interrupted.map(({ id }) => id)).toEqual([crashed.id]);
    expect(core.queue.summary(crashed.id)).toMatchObject({
      status: 'stopped',
      is_interrupted: true,
      can_continue: true,
    });
    expect(core.queue.summary(held.id)).toMatchObject({ status: 'training', is_interrupted: false });
    core.queue.continue(crashed.id);
    await until(() => statusOf(crashed) === 'completed');
    expect(core.queue.summary(crashed.id).is_interrupted).toBe(false);
  });

  test('a dataset that can not be read fails its run, with what is wrong', async () => {
    core.queue.start();
    const run = core.queue.create(request('no rows', { data_path: join(dir, 'gone.jsonl') }));
    await settled();
    expect(core.queue.summary(run.id)).toMatchObject({ status: 'failed', error: { code: 'dataset_not_found' } });
  });

  test('a setting out of range is refused when the run is made', () => {
    expect(() => core.queue.create(request('bad', { settings: { lora_rank: 0 } }))).toThrow(
      expect.objectContaining({ code: 'setting_invalid' }),
    );
    expect(core.queue.summaries()).toEqual([]);
  });

  test('runs of the same name get folders of their own', () => {
    const dirs = ['Pan & té', 'Pan & té', '!!'].map((name) => core.queue.create(request(name)).out_dir);
    expect(dirs).toEqual(['pan-te', 'pan-te-2', 'run'].map((name) => join(dir, 'runs', name)));
  });

  test('deleting a run takes its files, and nothing else', async () => {
    core.queue.start();
    const run = core.queue.create(request('one'));
    await settled();
    await core.handlers['runs.update']({
      run_id: run.id,
      name: 'renamed',
      tags: ['x', 'x'],
      notes: 'n',
      starred: true,
    });
    expect(core.queue.summary(run.id)).toMatchObject({ name: 'renamed', tags: ['x'], notes: 'n', starred: true });
    expect(readFileSync(join(run.out_dir, 'run.json'), 'utf8')).toContain('"renamed"');
    writeFileSync(join(run.out_dir, 'mine.txt'), 'mine');
    await core.handlers['runs.delete']({ run_id: run.id, delete_files: true });
    expect(existsSync(join(run.out_dir, 'run.json'))).toBe(false);
    expect(existsSync(join(run.out_dir, 'mine.txt'))).toBe(true);
    expect(core.queue.summaries()).toEqual([]);
    expect(told('run.removed')).toEqual([{ run_id: run.id }]);
    expect(() => core.queue.summary(run.id)).toThrow(expect.objectContaining({ code: 'run_not_found' }));
  });
});
