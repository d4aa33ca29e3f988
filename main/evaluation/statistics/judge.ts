import type { Judgement } from '../../contracts/shapes/evaluation.ts';
import type { Interval } from './bootstrap.ts';

/** Chance of being told of a difference that is none. */
const ALPHA = 0.05;
/** (z of 97.5 % + z of 80 %)²: with as many rows, a difference as large as the one seen is told in four cases of five. */
const POWER_FACTOR = (1.959963984540054 + 0.8416212335729143) ** 2;
/** Where five rows or fewer differ, chance alone puts all of them on one side in more than one case of twenty (2 · 2^-5). */
const LEAST_DIFFERING = 6;
const MOST_ROWS = 1_000_000;

export interface Seen {
  rows: number;
  /** Rows in which the two sides differ. */
  differing: number;
  difference: number;
  interval: Interval;
  /** McNemar's p, where rows are right or wrong. */
  p: number | null;
  lower_is_better: boolean;
}

/**
 * Whether the tuned model is better: the interval must lie on one side of zero, at least six rows must differ, and where rows are
 * right or wrong McNemar's test must agree.
 */
export function judge({ rows, differing, difference, interval, p, lower_is_better }: Seen): Judgement {
  const isClear = (interval.low > 0 || interval.high < 0) && differing >= LEAST_DIFFERING && (p === null || p < ALPHA);
  if (isClear) return { kind: difference > 0 === lower_is_better ? 'worse' : 'better', rows_needed: null };
  if (difference === 0 || interval.standard_error === 0) {
    // All rows differ by the same: only their number is missing.
    const few = differing > 0 && differing < LEAST_DIFFERING && difference !== 0;
    return { kind: 'unclear', rows_needed: few ? Math.ceil((rows * LEAST_DIFFERING) / differing) : null };
  }
  const variance = interval.standard_error ** 2 * rows;
  const needed = Math.ceil((POWER_FACTOR * variance) / difference ** 2);
  const least = differing === 0 ? needed : Math.ceil((rows * LEAST_DIFFERING) / differing);
  // The rows at hand did not tell, whatever the formula says.
  const asked = Math.max(needed, least, rows + 1);
  return { kind: 'unclear', rows_needed: asked > MOST_ROWS ? null : asked };
}
