/** Lengths are raised in steps of so many tokens: what the memory takes is in such steps too. */
const STEP = 64;

/**
 * The smallest round limit that the longest row fits in.
 *
 * @param max_tokens tokens of the longest row
 * @param n_ctx_train tokens that the model was made for; the limit never goes beyond
 */
export function limitFor(max_tokens: number, n_ctx_train: number): number {
  return Math.min(Math.ceil(max_tokens / STEP) * STEP, n_ctx_train);
}
