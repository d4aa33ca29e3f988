/**
 * The paired bootstrap: how far a difference between two models would swing, had other rows of the same kind been drawn.
 * Source: Efron and Tibshirani 1993, chapter 13 (percentile intervals); Koehn 2004 for pairs.
 */

/** Resamples; the interval's ends then vary by about a twentieth of its length from seed to seed. */
export const RESAMPLES = 2000;
export const SEED = 20_261_128;

/** What a row adds to a figure on each side; a figure is computed from the sums over rows. */
export interface PairedRows {
  base: readonly Float64Array[];
  tuned: readonly Float64Array[];
  /** From sums over rows to the figure. */
  figure: (sums: Float64Array) => number;
}

export interface Interval {
  low: number;
  high: number;
  /** Standard deviation of the difference over the resamples. */
  standard_error: number;
}

/** The sum over rows of what each adds. */
export function sumOf(rows: readonly Float64Array[]): Float64Array {
  const sums = new Float64Array(rows[0]?.length ?? 0);
  for (const row of rows) for (let at = 0; at < sums.length; at++) sums[at]! += row[at]!;
  return sums;
}

/**
 * The 95 % interval of figure(tuned) - figure(base). The same rows are drawn for both sides, with replacement, as many as there
 * are. The seed is fixed: the same rows give the same interval.
 */
export function bootstrapDifference({ base, tuned, figure }: PairedRows): Interval {
  const random = randomOf(SEED);
  const count = base.length;
  const width = base[0]?.length ?? 0;
  const differences = new Float64Array(RESAMPLES);
  const before = new Float64Array(width);
  const after = new Float64Array(width);
  for (let sample = 0; sample < RESAMPLES; sample++) {
    before.fill(0);
    after.fill(0);
    for (let drawn = 0; drawn < count; drawn++) {
      const row = Math.floor(random() * count);
      const ours = base[row]!;
      const theirs = tuned[row]!;
      for (let at = 0; at < width; at++) {
        before[at]! += ours[at]!;
        after[at]! += theirs[at]!;
      }
    }
    differences[sample] = figure(after) - figure(before);
  }
  differences.sort();
  const mean = differences.reduce((sum, one) => sum + one, 0) / RESAMPLES;
  const variance = differences.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (RESAMPLES - 1);
  return {
    low: quantile(differences, 0.025),
    high: quantile(differences, 0.975),
    standard_error: Math.sqrt(variance),
  };
}

/** By linear interpolation between order statistics, as numpy does. */
function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
}

/** Numbers from 0 to 1, the same for the same seed: mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
