import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { knownDir } from './known-dir.ts';

let folder: string;
let trainer: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'forja-known-'));
  trainer = join(folder, 'trainer');
  writeFileSync(trainer, 'one');
  vi.stubEnv('FORJA_TRAINER', trainer);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

test('a base has one folder, another base or another trainer has another', () => {
  const parent = join(folder, 'known');
  const first = knownDir('aa', parent);
  expect(knownDir('aa', parent)).toBe(first);
  const other = knownDir('bb', parent);
  writeFileSync(trainer, 'other');
  const rebuilt = knownDir('aa', parent);
  expect(new Set([first, other, rebuilt]).size).toBe(3);
  expect(readdirSync(parent).length).toBe(3);
});

test('of many bases the ones go that were not needed longest', () => {
  const parent = join(folder, 'known');
  for (let i = 0; i < 100; i++) {
    const dir = join(parent, `base-${i}`);
    mkdirSync(dir, { recursive: true });
    utimesSync(dir, 1000 + i, 1000 + i);
  }
  knownDir('aa', parent);
  const left = readdirSync(parent);
  expect(left.length).toBe(100);
  expect(left).not.toContain('base-0');
  expect(left).toContain('base-1');
});

test('a folder that cannot be made is none', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(knownDir('aa', join(file, 'known'))).toBeNull();
});
