import { expect, test } from 'vitest';
import { estimateTime, guessTokensPerSecond, learnTokensPerSecond } from './time.ts';

const settings = {
  objective: 'sft' as const,
  micro_batch_size: 2,
  gradient_accumulation_steps: 4,
  epochs: 1,
  max_steps: 0,
  max_seq_len: 100,
  eval_steps: 0,
  max_val_rows: 0,
};

test('every token of every pass at the speed, and what comes before', () => {
  const rows = { rows: 800, val_rows: 0, tokens: 40_000 };
  const once = estimateTime(settings, rows, 100);
  expect(once).toMatchObject({ total_steps: 100, steps_per_epoch: 100 });
  expect(once.duration_ms).toBeCloseTo(400_000, -4);
  expect(estimateTime({ ...settings, epochs: 3 }, rows, 100).duration_ms).toBeCloseTo(1_200_000, -4);
  expect(estimateTime({ ...settings, max_steps: 10 }, rows, 100).duration_ms).toBeCloseTo(43_000, -4);
});

test('cut rows and the rows that are scored count as they are', () => {
  const rows = { rows: 8, val_rows: 30, tokens: 8 * 500 };
  const time = estimateTime({ ...settings, max_val_rows: 30 }, rows, 100);
  expect(time.duration_ms).toBeCloseTo(3000 + 8000 + 5 * 10_000, -3);
  const few = estimateTime({ ...settings, max_val_rows: 3 }, rows, 100);
  expect(few).toMatchObject({ scored_rows: 3 });
  expect(few.duration_ms).toBeCloseTo(3000 + 8000 + 5 * 1000, -3);
});

test('a run that ends before a first pass is over sees some of the rows', () => {
  const rows = { rows: 1000, val_rows: 50, tokens: 1000 };
  expect(estimateTime({ ...settings, max_steps: 60 }, rows, 100)).toMatchObject({
    seen_rows: 480,
    steps_per_epoch: 125,
  });
  expect(estimateTime(settings, rows, 100).seen_rows).toBe(1000);
});

test('more threads and smaller models are faster', () => {
  expect(guessTokensPerSecond(1e8, 4, 'AVX2')).toBe(4 * guessTokensPerSecond(1e8, 1, 'AVX2'));
  expect(guessTokensPerSecond(1e8, 4, 'AVX2')).toBe(10 * guessTokensPerSecond(1e9, 4, 'AVX2'));
  const [bf16, avx2, plain] = ['SSE3 AVX2 AVX512 AVX512_BF16', 'SSE3 AVX AVX2', 'SSE3'].map((features) =>
    guessTokensPerSecond(1e8, 1, features),
  );
  expect(bf16).toBeGreaterThan(avx2!);
  expect(avx2).toBeGreaterThan(plain!);
});

test('what other models got done here says what this one will', () => {
  const past = [
    { tokens_per_second: 400, n_params: 1e8, threads: 2 },
    { tokens_per_second: 10, n_params: 1e8, threads: 2 },
    { tokens_per_second: 50, n_params: 1e9, threads: 2 },
    { tokens_per_second: 1e5, n_params: 1e8, threads: null },
    // Nothing can be said of large models from this one.
    { tokens_per_second: 1000, n_params: 1e5, threads: 2 },
  ];
  expect(learnTokensPerSecond(2e8, 2, past)).toBe(200);
  expect(learnTokensPerSecond(2e8, 1, past)).toBe(100);
  expect(learnTokensPerSecond(1e9, null, past)).toBe(1e4);
  expect(learnTokensPerSecond(2e8, 2, [])).toBeNull();
});
