/** chrF2 as sacrebleu computes it: character n-grams up to 6, no white space, no words, beta 2 (Popović 2015). */

export const CHRF_ORDER = 6;
const BETA_SQUARED = 4;

/**
 * What the figure of one row, or of many together, is computed from: for each length of n-grams how many the answer has, how many
 * the expected one has and how many both. Those of several rows are added up.
 */
export function chrfCounts(answer: string, expected: string): Float64Array {
  const counts = new Float64Array(3 * CHRF_ORDER);
  const got = charactersOf(answer);
  const wanted = charactersOf(expected);
  for (let n = 1; n <= CHRF_ORDER; n++) {
    const theirs = gramsOf(wanted, n);
    const ours = gramsOf(got, n);
    let both = 0;
    for (const [gram, count] of ours) both += Math.min(count, theirs.get(gram) ?? 0);
    const at = 3 * (n - 1);
    // Where the expected answer is too short for such n-grams, the answer's don't count against it.
    counts[at] = theirs.size === 0 ? 0 : Math.max(0, got.length - n + 1);
    counts[at + 1] = Math.max(0, wanted.length - n + 1);
    counts[at + 2] = both;
  }
  return counts;
}

/** @returns 0 to 100 */
export function chrfOf(counts: Float64Array): number {
  let precision = 0;
  let recall = 0;
  let orders = 0;
  for (let at = 0; at < 3 * CHRF_ORDER; at += 3) {
    const ours = counts[at]!;
    const theirs = counts[at + 1]!;
    if (ours === 0 || theirs === 0) continue;
    precision += counts[at + 2]! / ours;
    recall += counts[at + 2]! / theirs;
    orders += 1;
  }
  if (orders === 0 || precision + recall === 0) return 0;
  precision /= orders;
  recall /= orders;
  return (100 * (1 + BETA_SQUARED) * precision * recall) / (BETA_SQUARED * precision + recall);
}

/** Code points without white space. */
function charactersOf(text: string): string[] {
  return Array.from(text.replaceAll(/\s+/g, ''));
}

function gramsOf(characters: readonly string[], n: number): Map<string, number> {
  const grams = new Map<string, number>();
  for (let at = 0; at + n <= characters.length; at++) {
    const gram = characters.slice(at, at + n).join('');
    grams.set(gram, (grams.get(gram) ?? 0) + 1);
  }
  return grams;
}
