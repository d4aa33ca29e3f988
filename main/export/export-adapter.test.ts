import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeLeftovers, writeExport } from './export-adapter.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'forja-export-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('what a trainer that was ended has left is taken away, and nothing else', () => {
  const left = ['a.gguf.partial', 'a.gguf.trial-q4_k_m.gguf', 'a.gguf.trial-same.gguf.partial', 'a.gguf.live.gguf'];
  const others = ['a.gguf', 'a.gguf.bak', 'b.gguf.partial', 'a.gguf.trial-notes.txt', 'xa.gguf.partial'];
  for (const name of [...left, ...others]) writeFileSync(join(dir, name), '');
  mkdirSync(join(dir, 'peft.partial'));
  removeLeftovers(join(dir, 'a.gguf'));
  removeLeftovers(join(dir, 'peft'));
  expect(readdirSync(dir).toSorted()).toEqual(others.toSorted());
  expect(() => removeLeftovers(join(dir, 'no', 'such', 'folder.gguf'))).not.toThrow();
});

test('an export that is ended leaves what was there', async () => {
  const output_path = join(dir, 'out.gguf');
  writeFileSync(output_path, 'precious');
  const settings = { model_path: join(dir, 'm.gguf'), adapter_path: join(dir, 'a.gguf'), output_path, overwrite: true };
  await expect(writeExport(settings, undefined, AbortSignal.abort())).rejects.toMatchObject({ code: 'trainer_killed' });
  expect(readdirSync(dir)).toEqual(['out.gguf']);
  expect(existsSync(output_path)).toBe(true);
});
