import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { storedSettings } from '../contracts/protocol.ts';
import type { RunFile } from '../contracts/run-file.ts';
import { hashFiles } from '../models/index.ts';
import { earlierRun, HELD_OUT_FILE, takeOverSplit } from './earlier-run.ts';
import { RunFolder } from './run-folder.ts';

const split = {
  split_seed: 7,
  val_share: 0.1,
  held_out_rows: 10,
  scored_rows: 10,
  train_rows: 90,
  sampled_rows: null,
};
const run: RunFile = {
  forja_run: 2,
  id: 'abcd1234',
  name: 'first',
  created_ms: 1,
  status: 'completed',
  model: {
    path: '/m.gguf',
    sha256: 'm',
    file_size_bytes: 1,
    modified_ms: 1,
    architecture: 'llama',
    base_type: 'q4_0',
    name: null,
    n_params: 1,
  },
  dataset: { path: '/d.jsonl', sha256: 'd', size_bytes: 1, format: 'alpaca', columns: {}, rows_read: 1, rows_used: 1 },
  val_dataset: null,
  template: 'model',
  train_tokens: 'data/train.fjt',
  val_tokens: 'data/val.fjt',
  split,
  settings: storedSettings({}),
  total_steps: 1,
  steps: 1,
  result: null,
  error: null,
};
const asked = { split_seed: 1, val_share: 0.05, val_path: null };
const kept = { split_seed: 7, val_share: 0.1, val_path: null };

let dir: string;
let folder: RunFolder;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'forja-earlier-'));
  folder = new RunFolder(join(dir, 'first'));
  mkdirSync(folder.dataDir, { recursive: true });
  writeFileSync(join(folder.dataDir, HELD_OUT_FILE), Uint32Array.of(1, 2, 3, 4));
  folder.write(run);
});
afterEach(() => rmSync(dir, { recursive: true }));

const takeOver = (dataset: string, insists = false) =>
  takeOverSplit(folder.adapterFile, Promise.resolve(dataset), asked, insists);
const codes = ({ warnings }: Awaited<ReturnType<typeof takeOver>>) => warnings.map(({ code }) => code);

test('an adapter is of the run in whose folder it lies, and of none elsewhere', () => {
  for (const path of [
    folder.adapterFile,
    join(folder.bestDir, 'adapter.gguf'),
    join(folder.checkpointsDir, 'step-00000100', 'adapter.gguf'),
  ])
    expect(earlierRun(path)?.run.id).toBe(run.id);
  expect(earlierRun(join(dir, 'adapter.gguf'))).toBeNull();
});

test('with the same dataset the split is kept, and this is told', async () => {
  const taken = await takeOver('d');
  expect(taken.choice).toEqual(kept);
  expect(codes(taken)).toEqual(['split_kept']);
  expect([...taken.held_out_before!]).toEqual([1, 2, 3, 4]);
  expect(codes(await takeOverSplit(folder.adapterFile, Promise.resolve('d'), kept, false))).toEqual([]);
});

test('with another dataset, or a split that a person chose, only what was held out is known', async () => {
  for (const taken of [await takeOver('other'), await takeOver('d', true)]) {
    expect(taken.choice).toEqual(asked);
    expect(codes(taken)).toEqual([]);
    expect([...taken.held_out_before!]).toEqual([1, 2, 3, 4]);
  }
});

test('a validation file is kept while it is what it was', async () => {
  const path = join(dir, 'val.jsonl');
  writeFileSync(path, '{}');
  const val_dataset = {
    path,
    sha256: await hashFiles([path]),
    size_bytes: 2,
    format: 'text',
    rows_read: 1,
    rows_used: 1,
  };
  folder.write({ ...run, val_dataset, split: { ...split, val_share: 0 } } as RunFile);
  expect((await takeOver('d')).choice).toMatchObject({ val_path: path, val_share: 0 });
  writeFileSync(path, '[]');
  expect((await takeOver('d')).choice).toEqual(asked);
});

test('of a run from before the split was noted it is told that its held-out rows are not known', async () => {
  const { split: _, ...older } = run;
  folder.write(older);
  expect(codes(await takeOver('d'))).toEqual(['earlier_split_unknown']);
  folder.write({ ...older, val_tokens: null });
  expect(codes(await takeOver('d'))).toEqual([]);
});

test('an earlier run that held out nothing leaves nothing to keep', async () => {
  folder.write({ ...run, split: { ...split, val_share: 0, held_out_rows: 0, scored_rows: 0 } });
  expect((await takeOver('d')).choice).toEqual(asked);
});
