import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { forbiddenIncludes, includedLayers, LAYERS } from './layers.mjs';

test('native/src includes only what lies below', () => {
  expect(forbiddenIncludes(join(import.meta.dirname, '../../native/src'))).toEqual([]);
});

test('no two folders know each other', () => {
  for (const [layer, below] of Object.entries(LAYERS)) {
    for (const other of below) expect(LAYERS[other], `${other} below ${layer}`).not.toContain(layer);
  }
});

test('an include against the order is found', () => {
  const src = mkdtempSync(join(tmpdir(), 'forja-layers-'));
  try {
    for (const folder of ['ops', 'model', 'odd']) mkdirSync(join(src, folder));
    writeFileSync(join(src, 'ops/graph.hpp'), '#include <vector>\n  #include "model/model.hpp"\n#include "base/error.hpp"\n');
    writeFileSync(join(src, 'odd/thing.cpp'), '');
    expect(forbiddenIncludes(src).sort()).toEqual([
      'odd/thing.cpp: the folder odd has no place in the order',
      `${join('ops', 'graph.hpp')} → model`,
    ]);
  } finally {
    rmSync(src, { recursive: true, force: true });
  }
});

test('includes are read off the text', () => {
  expect(includedLayers('#include "ops/ops.hpp"\n// #include "train/x.hpp"\n#include <nlohmann/json.hpp>\n')).toEqual(['ops']);
});
