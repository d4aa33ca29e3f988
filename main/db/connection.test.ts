import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDb, type ForjaDb } from './connection.ts';
import type { StepRow } from './stores/metrics.ts';
import { dataDir } from './location.ts';
import { openError } from './open-error.ts';
import { newRun } from './testing/new-run.ts';

let dir: string;
let db: ForjaDb;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'forja-db-'));
  db = openDb(join(dir, 'deep', 'forja.sqlite3'));
});
afterEach(() => {
  db.close();
  rmSync(dir, { recursive: true });
});

function addRun(id: string): void {
  db.models.put({
    sha256: 'm1',
    path: '/m.gguf',
    file_size_bytes: 7,
    modified_ms: 70,
    architecture: 'llama',
    base_type: 'q4_0',
    name: null,
    n_params: 3,
    seen_ms: 1,
  });
  db.datasets.put({
    sha256: 'd1',
    path: '/d.jsonl',
    size_bytes: 5,
    format: 'alpaca',
    rows_read: 3,
    rows_used: 2,
    seen_ms: 1,
  });
  db.runs.add(
    newRun(id, {
      name: 'first',
      created_ms: 10,
      model_sha256: 'm1',
      dataset_sha256: 'd1',
      settings: '{"lora_rank":4}',
    }),
  );
}

const step = (run_id: string, at: number, train_loss = 1): StepRow => ({
  run_id,
  step: at,
  time_ms: at,
  epoch: at / 10,
  train_loss,
  learning_rate: 1e-4,
  grad_norm: 1,
  tokens_per_second: 100,
  tokens: 10,
  supervised_tokens: 5,
  elapsed_ms: at,
  peak_memory_bytes: 1000,
});

describe('runs', () => {
  test('are added queued, changed and found by id, prefix and folder', () => {
    addRun('abc1');
    addRun('abd2');
    db.runs.change('abc1', { status: 'training', total_steps: 5 });
    expect(db.runs.get('abc1')).toMatchObject({ status: 'training', total_steps: 5, train_loss: null });
    expect(db.runs.withPrefix('ab')).toHaveLength(2);
    expect(db.runs.withPrefix('abd').map(({ id }) => id)).toEqual(['abd2']);
    expect(db.runs.inFolder('/runs/abc1')?.id).toBe('abc1');
    expect(db.runs.list().map(({ id }) => id)).toEqual(['abd2', 'abc1']);
  });

  test('adding one again leaves it as it is', () => {
    addRun('abc1');
    db.runs.change('abc1', { status: 'stopped' });
    addRun('abc1');
    expect(db.runs.get('abc1')?.status).toBe('stopped');
  });

  test('a status that is none is refused by the database', () => {
    addRun('abc1');
    expect(() => db.runs.change('abc1', { status: 'lost' as never })).toThrow('CHECK');
  });
});

describe('metrics', () => {
  test('a step that is done again replaces the earlier one, and those after a checkpoint are forgotten', () => {
    addRun('r');
    db.metrics.addSteps([1, 2, 3, 4].map((at) => step('r', at)));
    db.metrics.addCheckpoint({ run_id: 'r', step: 2, reason: 'interval', path: '/c', time_ms: 2 });
    db.metrics.forgetAfter('r', 2);
    db.metrics.addSteps([step('r', 2, 0.5), step('r', 3, 0.25)]);
    expect(db.metrics.steps('r').map(({ step: at, train_loss }) => [at, train_loss])).toEqual([
      [1, 1],
      [2, 0.5],
      [3, 0.25],
    ]);
    expect(db.metrics.checkpoints('r')).toHaveLength(1);
  });

  test('figures of any name are kept with their step, and there are none where none came', () => {
    addRun('r');
    db.metrics.addSteps([step('r', 1), { ...step('r', 2), metrics: { reward_margin: 0.25, kl: 0 } }]);
    db.metrics.addValidation({
      run_id: 'r',
      step: 2,
      time_ms: 2,
      val_loss: 0.6,
      perplexity: 2,
      tokens: 8,
      is_best: 1,
      metrics: { reward_accuracy: 0.75 },
    });
    expect(db.metrics.steps('r').map(({ metrics }) => metrics)).toEqual([{}, { reward_margin: 0.25, kl: 0 }]);
    expect(db.metrics.stepsAt('r', [2]).map(({ metrics }) => metrics)).toEqual([{ reward_margin: 0.25, kl: 0 }]);
    expect(db.metrics.lastStep('r')?.metrics).toEqual({ reward_margin: 0.25, kl: 0 });
    expect(db.metrics.validations('r')[0]?.metrics).toEqual({ reward_accuracy: 0.75 });
  });

  test('steps of a run that is not known are refused', () => {
    expect(() => db.metrics.addSteps([step('nobody', 1)])).toThrow('FOREIGN KEY');
  });
});

test('a hash is known as long as size and time of the file stay', () => {
  addRun('r');
  expect(db.models.knownHash('/m.gguf', 7, 70)).toBe('m1');
  expect(db.models.knownHash('/m.gguf', 7, 71)).toBeNull();
});

test('exports are listed with their run', () => {
  addRun('r');
  const row = {
    run_id: 'r',
    time_ms: 1,
    format: 'gguf',
    output_type: 'q8_0',
    output_path: '/o.gguf',
    output_bytes: 9,
    verdict: 'kept',
    base_loss: 2,
    tuned_loss: 1,
    export_loss: 1.1,
    mean_kl_divergence: 0.01,
  };
  db.exports.add(row);
  expect(db.exports.ofRun('r')).toMatchObject([row]);
});

test('two connections see the same', () => {
  const other = openDb(db.path);
  addRun('r');
  expect(other.runs.list()).toHaveLength(1);
  other.close();
});

test('a file that is no database is refused and left as it is', () => {
  const path = join(dir, 'notes.sqlite3');
  writeFileSync(path, 'not a database at all, just some text that is long enough to be read as a header'.repeat(3));
  expect(() => openDb(path)).toThrow(expect.objectContaining({ code: 'database_corrupt' }));
  expect(readFileSync(path, 'utf8')).toContain('not a database at all');
});

test('a database with damaged pages is told as damaged, whatever they happen to say', () => {
  addRun('r');
  db.close();
  const whole = readFileSync(db.path);
  const codes = new Set<unknown>();
  for (let seed = 1; seed <= 20; seed++) {
    const bytes = Buffer.from(whole);
    for (let at = 4096; at < bytes.length; at++) bytes[at] = (at * seed * 31) & 255;
    const path = join(dir, `damaged-${seed}.sqlite3`);
    writeFileSync(path, bytes);
    try {
      openDb(path).close();
      codes.add('opened');
    } catch (error) {
      codes.add((error as { code: unknown }).code);
    }
  }
  expect([...codes]).toEqual(['database_corrupt']);
  db = openDb(':memory:');
});

test.each([
  ['SQLITE_FULL', 'disk_full'],
  ['ENOSPC', 'disk_full'],
  ['SQLITE_CORRUPT_VTAB', 'database_corrupt'],
  ['SQLITE_NOTADB', 'database_corrupt'],
  ['SQLITE_BUSY', 'database_locked'],
  ['SQLITE_BUSY_RECOVERY', 'database_locked'],
  ['SQLITE_LOCKED', 'database_locked'],
  ['SQLITE_CANTOPEN', 'database_unavailable'],
])('%s while opening is told as %s', (code, told) => {
  const error = openError(join(dir, 'x.sqlite3'), Object.assign(new Error('why'), { code }));
  expect(error).toMatchObject({ code: told, exitCode: 1 });
  expect(error.hint).not.toBe('');
});

test('each system has its own place, and FORJA_DATA_DIR comes before it', () => {
  expect(dataDir({ FORJA_DATA_DIR: '/x' }, 'linux')).toBe('/x');
  expect(dataDir({ XDG_DATA_HOME: '/data' }, 'linux')).toBe(join('/data', 'forja'));
  expect(dataDir({ APPDATA: '/roaming' }, 'win32')).toBe(join('/roaming', 'Forja'));
  expect(dataDir({}, 'darwin')).toMatch(/Library.Application Support.Forja$/);
});
