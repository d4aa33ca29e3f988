import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AllowedPaths } from './allowed-paths.ts';

let dir: string;
let paths: AllowedPaths;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'forja-paths-'));
  mkdirSync(join(dir, 'own'));
  for (const name of ['picked.gguf', 'other.gguf', 'own/run.json']) writeFileSync(join(dir, name), '');
  paths = new AllowedPaths();
  paths.allowFile(join(dir, 'picked.gguf'));
  paths.allowFolder(join(dir, 'own'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const refused = expect.objectContaining({ code: 'path_not_allowed' }) as Error;

test('a picked file may be read, and nothing beside it', () => {
  expect(paths.requireReadable(join(dir, 'picked.gguf'))).toBe(join(dir, 'picked.gguf'));
  expect(() => paths.requireReadable(join(dir, 'other.gguf'))).toThrow(refused);
  expect(() => paths.requireReadable('picked.gguf')).toThrow(refused);
});

test('everything in an owned folder may be read, but nothing through it', () => {
  expect(paths.isReadable(join(dir, 'own/run.json'))).toBe(true);
  expect(paths.isReadable(join(dir, 'own/../other.gguf'))).toBe(false);
  expect(paths.isReadable(join(dir, 'own-not'))).toBe(false);
  symlinkSync(join(dir, 'other.gguf'), join(dir, 'own/link.gguf'));
  expect(paths.isReadable(join(dir, 'own/link.gguf'))).toBe(false);
});

test('only what the save dialog gave may be written', () => {
  expect(() => paths.requireOutput(join(dir, 'picked.gguf'))).toThrow(refused);
  expect(() => paths.requireOutput(join(dir, 'own/run.json'))).toThrow(refused);
  paths.allowOutput(join(dir, 'new.gguf'));
  expect(paths.requireOutput(join(dir, 'new.gguf'))).toBe(join(dir, 'new.gguf'));
});
