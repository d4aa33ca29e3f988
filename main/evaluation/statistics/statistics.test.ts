import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bootstrapDifference } from './bootstrap.ts';
import { judge, type Seen } from './judge.ts';
import { mcnemarP } from './mcnemar.ts';

interface Reference {
  mcnemar: { base_only: number; tuned_only: number; p: number }[];
  intervals: { base: number[]; tuned: number[]; low: number; high: number; standard_error: number }[];
}
const reference = JSON.parse(readFileSync(join(import.meta.dirname, '../reference/metrics.json'), 'utf8')) as Reference;

const rows = (values: number[]) => values.map((value) => Float64Array.of(value, 1));
const figure = (sums: Float64Array) => sums[0]! / sums[1]!;

it.each(reference.mcnemar)("McNemar's p of $base_only and $tuned_only is scipy's", ({ base_only, tuned_only, p }) => {
  // The tail is a sum of up to 2000 terms, each with the rounding of a logarithm of that size.
  // That of 2000 to none is smaller than the smallest double.
  if (p === 0) expect(mcnemarP(base_only, tuned_only)).toBe(0);
  else expect(mcnemarP(base_only, tuned_only) / p).toBeCloseTo(1, 8);
});

describe.each(reference.intervals)(
  'the bootstrap of $base.length rows',
  ({ base, tuned, low, high, standard_error }) => {
    const found = bootstrapDifference({ base: rows(base), tuned: rows(tuned), figure });

    it("is scipy's with 200,000 resamples, but for the chance of 2,000", () => {
      // The end of a 95 % interval has a standard deviation of about 2.7 standard errors over the root of the resamples.
      const slack = (4 * 2.7 * standard_error) / Math.sqrt(2000);
      expect(Math.abs(found.low - low)).toBeLessThan(slack);
      expect(Math.abs(found.high - high)).toBeLessThan(slack);
      expect(found.standard_error / standard_error).toBeCloseTo(1, 1);
    });

    it('is the same each time', () => {
      expect(bootstrapDifference({ base: rows(base), tuned: rows(tuned), figure })).toEqual(found);
    });
  },
);

describe('the judgement', () => {
  const seen: Seen = {
    rows: 100,
    differing: 30,
    difference: 0.2,
    interval: { low: 0.1, high: 0.3, standard_error: 0.05 },
    p: 0.001,
    lower_is_better: false,
  };

  it('is better or worse only where nothing speaks for chance', () => {
    expect(judge(seen).kind).toBe('better');
    expect(judge({ ...seen, lower_is_better: true }).kind).toBe('worse');
    expect(judge({ ...seen, p: 0.06 }).kind).toBe('unclear');
    expect(judge({ ...seen, differing: 5 }).kind).toBe('unclear');
    expect(judge({ ...seen, interval: { ...seen.interval, low: -0.01 } }).kind).toBe('unclear');
  });

  it('says how many rows would tell', () => {
    // (1.96 + 0.84)² · (0.5² · 100) / 0.1² · 1/100: the formula for a standard deviation of 1 a row and a difference of 0.25.
    const unclear = { ...seen, difference: 0.25, interval: { low: -0.1, high: 0.6, standard_error: 0.1 }, rows: 100 };
    expect(judge(unclear)).toEqual({ kind: 'unclear', rows_needed: 126 });
    expect(judge({ ...unclear, difference: 0 })).toEqual({ kind: 'unclear', rows_needed: null });
    expect(judge({ ...unclear, difference: 0.001 }).rows_needed).toBe(null);
    expect(judge({ ...seen, rows: 5, differing: 5 }).rows_needed).toBe(6);
  });

  it('is wrong about models that are alike in about one case of twenty, and no more', () => {
    let state = 1;
    const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
    let told = 0;
    const trials = 200;
    for (let trial = 0; trial < trials; trial++) {
      const before = Array.from({ length: 60 }, () => Number(random() < 0.5));
      const after = before.map((value) => (random() < 0.3 ? Number(random() < 0.5) : value));
      const interval = bootstrapDifference({ base: rows(before), tuned: rows(after), figure });
      const base_only = before.filter((value, at) => value > after[at]!).length;
      const tuned_only = before.filter((value, at) => value < after[at]!).length;
      const difference = (tuned_only - base_only) / 60;
      const p = mcnemarP(base_only, tuned_only);
      const differing = base_only + tuned_only;
      if (judge({ rows: 60, differing, difference, interval, p, lower_is_better: false }).kind !== 'unclear') told += 1;
    }
    // 200 trials at 5 %: 16 or fewer in 95 of 100 such experiments; the exact test keeps below its 5 %.
    expect(told).toBeLessThanOrEqual(16);
  });
});
