import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { exportRows } from './export-rows.ts';
import { RunFolder } from './run-folder.ts';

let folder: RunFolder;
beforeEach(() => {
  folder = new RunFolder(mkdtempSync(join(tmpdir(), 'forja-export-rows-')));
  mkdirSync(folder.dataDir);
});
afterEach(() => rmSync(folder.dir, { recursive: true }));

const run = (val_tokens: string | null) => ({
  train_tokens: 'data/train.fjt',
  val_tokens,
  settings: { max_seq_len: 64 },
});

test('types are tried on held-out rows, rounding learns from the others', () => {
  for (const name of ['train.fjt', 'val.fjt']) writeFileSync(join(folder.dataDir, name), '');
  expect(exportRows(folder, run('data/val.fjt'))).toEqual({
    trial_tokens_path: join(folder.dataDir, 'val.fjt'),
    calibration_tokens_path: join(folder.dataDir, 'train.fjt'),
    max_seq_len: 64,
  });
  expect(exportRows(folder, run(null)).trial_tokens_path).toBe(join(folder.dataDir, 'train.fjt'));
});

test('what is gone is left out', () => {
  expect(exportRows(folder, run('data/val.fjt'))).toEqual({
    trial_tokens_path: null,
    calibration_tokens_path: null,
    max_seq_len: 64,
  });
});
