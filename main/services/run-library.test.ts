import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDb, type ForjaDb } from '../db/index.ts';
import { newRun } from '../db/testing/new-run.ts';
import { storedSettings } from '../contracts/protocol.ts';
import type { RunFile } from '../contracts/run-file.ts';
import { RunFolder } from '../runs/index.ts';
import { RunLibrary } from './run-library.ts';
import { RunLog } from './run-log.ts';
import { RunQueue } from './run-queue.ts';

let dir: string;
let db: ForjaDb;
let library: RunLibrary;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'forja-library-'));
  db = openDb(':memory:');
  const context = {
    db,
    emit: () => undefined,
    settings: () => ({ runs_dir: dir, device: 'cpu', threads: 1, checkpoints_kept: 3 }),
  };
  library = new RunLibrary(context, new RunQueue(context));
  db.runs.add(newRun('r1', { out_dir: join(dir, 'long') }));
});
afterEach(() => {
  db.close();
  rmSync(dir, { recursive: true });
});

test('curves of many steps are thinned, with their spikes', () => {
  const steps = Array.from({ length: 20_000 }, (_, at) => ({
    run_id: 'r1',
    step: at + 1,
    time_ms: at,
    epoch: at / 1000,
    train_loss: at === 7_000 ? 50 : 2,
    learning_rate: 1e-4,
    grad_norm: 1,
    tokens_per_second: 10,
    tokens: 5,
    supervised_tokens: 5,
    elapsed_ms: at,
    peak_memory_bytes: 1,
  }));
  db.metrics.addSteps(steps);
  db.metrics.addValidation({
    run_id: 'r1',
    step: 10,
    time_ms: 1,
    val_loss: 1.5,
    perplexity: 4.5,
    tokens: 5,
    is_best: 1,
  });
  const metrics = library.metrics('r1', 2000);
  expect(metrics.n_steps).toBe(20_000);
  expect(metrics.steps.step.length).toBeLessThanOrEqual(2000);
  expect(Math.max(...metrics.steps.train_loss)).toBe(50);
  const { metrics: figures, ...columns } = metrics.steps;
  for (const column of Object.values(columns)) expect(column).toHaveLength(metrics.steps.step.length);
  expect(figures).toEqual({});
  expect(metrics.validations).toEqual({ step: [10], val_loss: [1.5], metrics: {} });
});

test('of a log the newest entries are kept, and its pieces become lines', () => {
  const told: string[] = [];
  const log = new RunLog('r1', db, (entries) => told.push(...entries.map(({ text }) => text)));
  log.addText('first li');
  log.addText('ne\nsecond\n\nthi');
  log.add('warning', 'careful', 'some_code', { x: 1 });
  log.close();
  expect(told).toEqual(['first line', 'second', 'careful', 'thi']);
  expect(library.log('r1', 2).map(({ seq, text }) => [seq, text])).toEqual([
    [2, 'careful'],
    [3, 'thi'],
  ]);
  expect(new RunLog('r1', db, () => undefined)).toBeDefined();
  expect(db.logs.nextSeq('r1')).toBe(4);
  db.logs.add([{ run_id: 'r1', seq: 9, time_ms: 1, level: 'info', code: null, text: 'new', details: '{}' }], 2);
  expect(library.log('r1', 10).map(({ text }) => text)).toEqual(['new']);
});

test('a run without a log has none', () => expect(library.log('r1', 10)).toEqual([]));

test('checkpoints are listed with their sizes, and deleted one by one', () => {
  const folder = new RunFolder(join(dir, 'long'));
  const file = { path: '/m', sha256: 'm' };
  const run: RunFile = {
    ...{ forja_run: 2, id: 'r1', name: 'long', created_ms: 1, status: 'stopped' },
    model: {
      ...file,
      ...{ file_size_bytes: 1, modified_ms: 1, architecture: 'llama', base_type: 'q4_0', name: null, n_params: 1 },
    },
    dataset: { ...file, size_bytes: 1, format: 'alpaca', columns: {}, rows_read: 1, rows_used: 1 },
    ...{ val_dataset: null, template: 'model', train_tokens: 'data/train.fjt', val_tokens: null },
    ...{ settings: storedSettings({}), total_steps: 9, steps: 4, result: null, error: null },
  };
  for (const name of ['checkpoints/step-00000002', 'checkpoints/step-00000004', 'best']) {
    mkdirSync(join(folder.dir, name), { recursive: true });
    writeFileSync(join(folder.dir, name, 'adapter.gguf'), 'adapter');
    writeFileSync(join(folder.dir, name, 'state.gguf'), 'state');
  }
  folder.write(run);
  db.metrics.addCheckpoint({ run_id: 'r1', step: 2, reason: 'best', path: folder.bestDir, time_ms: 1 });
  const listed = () => library.get('r1').checkpoints.map(({ step, reason }) => [step, reason]);
  expect(library.get('r1').checkpoints.map(({ size_bytes }) => size_bytes)).toEqual([12, 12, 12]);
  library.deleteCheckpoint('r1', 2);
  expect(listed()).toEqual([
    [2, 'best'],
    [4, 'interval'],
  ]);
  library.deleteCheckpoint('r1', 'best');
  library.deleteCheckpoint('r1', 7); // is not there: nothing to do
  expect(listed()).toEqual([[4, 'interval']]);
  expect(existsSync(join(folder.checkpointsDir, 'step-00000004'))).toBe(true);
});
