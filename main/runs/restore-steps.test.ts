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

test('what the last batch lost comes back up to the checkpoint; what is known stays, and a line cut off is passed over', () => {
  const { total_steps: _t, eta_ms: _e, ...known } = stepData(1, 9);
  db.metrics.addSteps([{ ...known, run_id: 'r1', time_ms: 1 }]);
  writeFileSync(
    join(dir, 'events.jsonl'),
    [1, 2, 3, 4]
      .map((step) => line('step', stepData(step, step)))
      .concat('{"type":"step","seq":9,"da')
      .join('\n'),
  );
  restoreSteps('r1', new RunFolder(dir), 3, db);
  expect(db.metrics.steps('r1').map(({ step, train_loss }) => [step, train_loss])).toEqual([
    [1, 9],
    [2, 2],
    [3, 3],
  ]);
});
