import { expect, test } from 'vitest';
import { typesTable } from './types-table.ts';

test('shows type, size and share kept, and marks the one that was taken', () => {
  const lines = typesTable(
    [
      { output_type: 'same', output_bytes: 98_362_432, export_loss: 2.58, kept_share: 0.161 },
      { output_type: 'q5_k_m', output_bytes: 112_000_000, export_loss: 1.48, kept_share: 0.9712 },
      { output_type: 'q8_0', output_bytes: 144_000_000, export_loss: null, kept_share: null },
    ],
    'q5_k_m',
  ).split('\n');
  expect(lines[1]).toMatch(/same \(the base's own\) +93\.8 MiB +16\.1 %/);
  expect(lines[2]).toMatch(/q5_k_m +107 MiB +97\.1 % +← taken/);
  expect(lines[3]).toMatch(/q8_0 +137 MiB +not tried/);
});
