import { expect, test } from 'vitest';
import { estimateTime, guessTokensPerSecond } from './time.ts';

const settings = {
  micro_batch_size: 2,
  gradient_accumulation_steps: 4,
  epochs: 1,
  max_steps: 0,
  max_seq_len: 100,
  eval_steps: 0,
};

test('every token of every pass at the speed, and what comes before', () => {
  const rows = { rows: 800, val_rows: 0, tokens: 40_000 };
  const once = estimateTime(settings, rows, 100);
  expect(once).toMatchObject({ total_steps: 100, steps_per_epoch: 100 });
  expect(once.duration_ms).toBeCloseTo(400_000, -4);
  expect(estimateTime({ ...settings, epochs: 3 }, rows, 100).duration_ms).toBeCloseTo(1_200_000, -4);
  expect(estimateTime({ ...settings, max_steps: 10 }, rows, 100).duration_ms).toBeCloseTo(43_000, -4);
});

test('cut rows and validation count as they are', () => {
  const rows = { rows: 8, val_rows: 30, tokens: 8 * 500 };
  const time = estimateTime(settings, rows, 100);
  expect(time.duration_ms).toBeCloseTo(3000 + 8000 + 10_000, -3);
});

test('more threads and smaller models are faster', () => {
  expect(guessTokensPerSecond(1e8, 4)).toBe(4 * guessTokensPerSecond(1e8, 1));
  expect(guessTokensPerSecond(1e8, 4)).toBe(10 * guessTokensPerSecond(1e9, 4));
});
