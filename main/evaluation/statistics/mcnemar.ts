/**
 * McNemar's exact test: were the rows on which two models differ a coin's throws, how likely is a split at least this uneven? Two-sided.
 * Source: McNemar 1947; the exact form is the binomial test of the discordant pairs.
 *
 * @param base_only rows that the base alone has right @param tuned_only those that the tuned alone has
 */
export function mcnemarP(base_only: number, tuned_only: number): number {
  const n = base_only + tuned_only;
  const fewer = Math.min(base_only, tuned_only);
  let tail = 0;
  // In logarithms: 2^-n is no double for n above 1074.
  let term = -n * Math.LN2;
  for (let k = 0; k <= fewer; k++) {
    tail += Math.exp(term);
    term += Math.log((n - k) / (k + 1));
  }
  return Math.min(1, 2 * tail);
}
