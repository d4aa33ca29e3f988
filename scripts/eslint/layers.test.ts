import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LAYERS, refuseImport } from './layers.mjs';

const root = '/repo';
const refuse = (file: string, source: string) => refuseImport(root, join(root, file), source);

describe('imports between layers', () => {
  test.each([
    ['main/db/connection.ts', '../contracts/errors.ts'],
    ['main/runs/start-run.ts', '../trainer/index.ts'],
    ['main/db/stores/runs.ts', '../connection.ts'],
    ['main/cli/commands/train.ts', '../../runs/index.ts'],
    ['renderer/api/call.ts', '../../main/contracts/errors.ts'],
    ['main/contracts/protocol.ts', '../../native/protocol/job.schema.json'],
  ])('%s may import %s', (file, source) => expect(refuse(file, source)).toBeNull());

  test.each([
    ['main/contracts/errors.ts', '../domain/steps.ts'],
    ['main/db/connection.ts', '../trainer/index.ts'],
    ['main/trainer/locate.ts', '../chat/index.ts'],
    ['main/runs/start-run.ts', '../cli/main.ts'],
    ['main/datasets/readers/csv.ts', '../../runs/index.ts'],
    ['renderer/api/call.ts', '../../main/db/index.ts'],
    ['main/novelty/x.ts', '../db/index.ts'],
  ])('%s may not import %s', (file, source) => expect(refuse(file, source)).not.toBeNull());
});

describe('imports of packages', () => {
  test.each([
    ['main/runs/x.ts', 'electron'],
    ['main/runs/x.ts', 'better-sqlite3'],
    ['main/cli/x.ts', 'node-llama-cpp'],
    ['main/domain/x.ts', 'zod'],
    ['main/contracts/x.ts', 'node:fs'],
  ])('%s may not import %s', (file, source) => expect(refuse(file, source)).not.toBeNull());

  test.each([
    ['main/db/x.ts', 'better-sqlite3'],
    ['main/contracts/x.ts', 'zod'],
    ['main/contracts/x.ts', 'ajv/dist/2020.js'],
    ['main/domain/x.test.ts', 'vitest'],
  ])('%s may import %s', (file, source) => expect(refuse(file, source)).toBeNull());
});

test('no layer is reached by two that reach each other', () => {
  for (const [layer, below] of Object.entries(LAYERS)) {
    for (const other of below) expect(LAYERS[other] ?? [], `${layer} and ${other}`).not.toContain(layer);
  }
});
