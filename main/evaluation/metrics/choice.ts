/** Which option a model holds likeliest, by the sum of its tokens' log-probabilities. */

export interface Choice {
  /** Position of the likeliest option. */
  plain: number;
  /** The same by log-probability a character, so that long options are at no disadvantage (lm-eval-harness's acc_norm). */
  normalised: number;
}

/**
 * @param nats minus the log-probability of each option
 * @param options the options' texts; their length in code points normalises
 */
export function likeliest(nats: readonly number[], options: readonly string[]): Choice {
  const lengths = options.map((option) => Math.max(1, Array.from(option).length));
  return { plain: smallest(nats), normalised: smallest(nats.map((sum, at) => sum / lengths[at]!)) };
}

/** The first of the smallest values. */
function smallest(values: readonly number[]): number {
  return values.reduce((best, value, at) => (value < values[best]! ? at : best), 0);
}
