import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDb, type ForjaDb } from '../db/index.ts';
import { newRun } from '../db/testing/new-run.ts';
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
