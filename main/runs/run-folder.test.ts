import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { storedSettings } from '../contracts/protocol.ts';
import type { RunFile } from '../contracts/run-file.ts';
import { RunFolder, writeWhole } from './run-folder.ts';

const run: RunFile = {
  forja_run: 2,
  id: 'abcd1234',
  name: 'first',
  created_ms: 1,
  status: 'queued',
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
  val_tokens: null,
  settings: storedSettings({ lora_rank: 4 }),
  total_steps: null,
  steps: 0,
  result: null,
  error: null,
};

let dir: string;
let folder: RunFolder;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'forja-run-'));
  folder = new RunFolder(dir);
});
afterEach(() => rmSync(dir, { recursive: true }));

function addCheckpoint(name: string, files: string[]): void {
  const path = join(folder.checkpointsDir, name);
  mkdirSync(path, { recursive: true });
  for (const file of files) writeFileSync(join(path, file), '');
}

describe('run.json', () => {
  test('comes back as it was written, and nothing else is left in the folder', () => {
    folder.write(run);
    expect(folder.read()).toEqual(run);
    expect(readdirSync(dir)).toEqual(['run.json']);
  });

  test('of version 1 is read: what came later is filled in, what is no setting is left out', () => {
    const { objective: _, ...settings } = { ...run.settings, learning_rate: 0.01, gone: 3 };
    writeFileSync(folder.runFile, JSON.stringify({ ...run, forja_run: 1, settings }));
    expect(folder.read()).toEqual({ ...run, settings: { ...run.settings, learning_rate: 0.01 } });
    folder.write(folder.read());
    expect(JSON.parse(readFileSync(folder.runFile, 'utf8'))).toMatchObject({
      forja_run: 2,
      settings: { objective: 'sft' },
    });
  });

  test('with a setting that no run can have is refused by its name', () => {
    writeFileSync(folder.runFile, JSON.stringify({ ...run, settings: { ...run.settings, lora_rank: 0 } }));
    expect(() => folder.read()).toThrow(
      expect.objectContaining({
        code: 'run_file_invalid',
        message: expect.stringContaining('lora_rank must be >= 1') as string,
      }),
    );
  });

  test('is missing', () => {
    expect(() => folder.read()).toThrow(expect.objectContaining({ code: 'run_not_found', exitCode: 2 }));
  });

  test.each([
    ['cut short', JSON.stringify(run).slice(0, 50)],
    ['of a newer version', JSON.stringify({ ...run, forja_run: 3 })],
    ['lacking a field', JSON.stringify({ ...run, settings: undefined })],
  ])('%s', (_, text) => {
    writeFileSync(folder.runFile, text);
    expect(() => folder.read()).toThrow(expect.objectContaining({ code: 'run_file_invalid', exitCode: 2 }));
  });
});

test('a file is replaced whole or not at all', () => {
  const path = join(dir, 'file.txt');
  writeWhole(path, 'old');
  mkdirSync(`${path}.${process.pid}.tmp`);
  expect(() => writeWhole(path, 'new')).toThrow();
  expect(readFileSync(path, 'utf8')).toBe('old');
});

test('only whole checkpoints count, and the newest is the one with the highest step', () => {
  const whole = ['adapter.gguf', 'state.gguf'];
  addCheckpoint('step-00000009', whole);
  addCheckpoint('step-00000100', whole);
  addCheckpoint('step-00000200', ['adapter.gguf']);
  addCheckpoint('step-00000300.tmp', whole);
  expect(folder.checkpoints().map(({ step }) => step)).toEqual([9, 100]);
  expect(folder.latestCheckpoint()?.path).toBe(join(folder.checkpointsDir, 'step-00000100'));
});

test("clearing removes a run's own files and nothing else", () => {
  folder.write(run);
  addCheckpoint('step-00000001', ['adapter.gguf']);
  writeFileSync(join(dir, 'notes.txt'), 'mine');
  expect(folder.taken()).toEqual(['run.json', 'checkpoints']);
  folder.clear();
  expect(readdirSync(dir)).toEqual(['notes.txt']);
});

test('a folder that can not be made is refused with its reason', () => {
  writeFileSync(join(dir, 'file'), '');
  expect(() => new RunFolder(join(dir, 'file', 'below')).make()).toThrow(
    expect.objectContaining({ code: 'out_dir_unwritable', exitCode: 2 }),
  );
});
