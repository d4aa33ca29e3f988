import { expect, test } from 'vitest';
import { scoredRows, SCORED_ROW_COST, validationCount, VALIDATION_SHARE } from './validation.ts';

const settings = {
  micro_batch_size: 1,
  gradient_accumulation_steps: 4,
  epochs: 1,
  max_steps: 0,
  eval_steps: 0,
  max_val_rows: 0,
};

test('all validations together cost at most a fifth of the training, from 16 rows on', () => {
  for (const max_steps of [50, 60, 500, 5000]) {
    for (const eval_steps of [0, 25, 100]) {
      const rows = scoredRows({ ...settings, max_steps, eval_steps }, 1e6, 5e4);
      const cost = validationCount(eval_steps, max_steps) * rows * SCORED_ROW_COST;
      if (rows > 16) expect(cost).toBeLessThanOrEqual(VALIDATION_SHARE * max_steps * 4);
      expect(rows).toBeGreaterThanOrEqual(16);
      expect(rows).toBeLessThanOrEqual(1000);
    }
  }
});

test('a quick run of 60 steps scores 28 rows of any dataset that has as many', () => {
  const quick = { ...settings, max_steps: 60 };
  expect(scoredRows(quick, 1e6, 50_000)).toBe(28);
  expect(scoredRows(quick, 1e4, 500)).toBe(28);
  expect(scoredRows(quick, 100, 5)).toBe(5);
  expect(scoredRows({ ...quick, eval_steps: 20 }, 1e6, 50_000)).toBe(36);
});

test('a run of whole epochs has as much as its rows pay for', () => {
  expect(scoredRows(settings, 1000, 500)).toBe(120);
  expect(scoredRows({ ...settings, epochs: 0.5 }, 1000, 500)).toBe(60);
  expect(scoredRows({ ...settings, epochs: 3 }, 100_000, 5000)).toBe(1000);
});

test('max_val_rows wins, and there are never more than are held out', () => {
  expect(scoredRows({ ...settings, max_val_rows: 7 }, 1000, 50)).toBe(7);
  expect(scoredRows({ ...settings, max_val_rows: 70 }, 1000, 50)).toBe(50);
});
