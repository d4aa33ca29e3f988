import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDb, type ForjaDb } from '../db/index.ts';
import { newRun } from '../db/testing/new-run.ts';
import { restoreSteps } from './restore-steps.ts';
import { RunFolder } from './run-folder.ts';

let dir: string;
let db: ForjaDb;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'forja-restore-'));
  db = openDb(join(dir, 'forja.db'));
  db.runs.add(newRun('r1', { out_dir: dir }));
});
afterEach(() => {
  db.close();
  rmSync(dir, { recursive: true });
});

const stepData = (step: number, train_loss: number) => ({
  step,
  total_steps: 10,
  epoch: 0,
  train_loss,
  learning_rate: 1e-4,
  grad_norm: 1,
  tokens_per_second: 10,
  tokens: 5,
  supervised_tokens: 5,
  elapsed_ms: step,
  eta_ms: 0,
  peak_memory_bytes: 1,
});
const line = (type: string, data: object) => JSON.stringify({ type, seq: 1, time_ms: 7, data });

const known = (step: number, train_loss: number) => {
  const { total_steps: _t, eta_ms: _e, ...rest } = stepData(step, train_loss);
  return { ...rest, run_id: 'r1', time_ms: 1 };
};
const losses = () => db.metrics.steps('r1').map(({ step, train_loss }) => [step, train_loss]);

test('what nobody read any more comes back up to the checkpoint; what the file lacks stays, and a line cut off is passed over', () => {
  db.metrics.addSteps([known(1, 9)]);
  const told = [2, 3, 4].map((step) => line('step', stepData(step, step)));
  const at = (step: number) => ({ step, val_loss: step, perplexity: 2, tokens: 5, is_best: step === 3 });
  told.push(line('validation', at(3)), line('validation', at(4)));
  told.push(line('checkpoint', { step: 3, path: 'c', reason: 'interval' }), '{"type":"step","seq":9,"da');
  writeFileSync(join(dir, 'events.jsonl'), told.join('\n'));
  restoreSteps('r1', new RunFolder(dir), 3, db);
  expect(losses()).toEqual([
    [1, 9],
    [2, 2],
    [3, 3],
  ]);
  expect(db.metrics.validations('r1').map(({ step, is_best }) => [step, is_best])).toEqual([[3, 1]]);
  expect(db.metrics.checkpoints('r1').map(({ step, reason }) => [step, reason])).toEqual([[3, 'interval']]);
});

test('steps that were done again count as they came out last, also where the database only knows the first time', () => {
  db.metrics.addSteps([1, 2, 3, 4].map((step) => known(step, 9)));
  const plan = (start_step: number) =>
    line('plan', {
      ...{ architecture: 'llama', base_type: 'f32', n_layer: 2, n_params: 9, trainable_parameters: 9, rows: 9 },
      ...{ val_rows: 0, steps_per_epoch: 9, total_steps: 10, start_step, skipped_rows: 0, truncated_rows: 0 },
      ...{ device: 'CPU', threads: 1 },
    });
  const told = [plan(0), ...[1, 2, 3, 4].map((step) => line('step', stepData(step, 9)))];
  told.push(plan(2), line('step', stepData(3, 3)));
  writeFileSync(join(dir, 'events.jsonl'), told.join('\n'));
  restoreSteps('r1', new RunFolder(dir), 3, db);
  expect(losses().slice(0, 3)).toEqual([
    [1, 9],
    [2, 9],
    [3, 3],
  ]);
});
