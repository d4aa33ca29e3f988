import { rougeWords, squadWords } from './words.ts';

/** Harmonic mean of precision and recall of the words that both have, each as often as it comes in both. 0 to 1. */
export function tokenF1(answer: string, expected: string): number {
  const got = squadWords(answer);
  const wanted = squadWords(expected);
  // Source: SQuAD 2.0's script: where one says nothing, they agree only if both do.
  if (got.length === 0 || wanted.length === 0) return got.length === wanted.length ? 1 : 0;
  const left = new Map<string, number>();
  for (const word of wanted) left.set(word, (left.get(word) ?? 0) + 1);
  let same = 0;
  for (const word of got) {
    const rest = left.get(word) ?? 0;
    if (rest === 0) continue;
    left.set(word, rest - 1);
    same += 1;
  }
  return fMeasure(same / got.length, same / wanted.length);
}

/** F-measure of the longest common subsequence of words (Lin 2004, ROUGE-L of a whole text). 0 to 1. */
export function rougeL(answer: string, expected: string): number {
  const got = rougeWords(answer);
  const wanted = rougeWords(expected);
  if (got.length === 0 || wanted.length === 0) return 0;
  const common = longestCommon(got, wanted);
  return fMeasure(common / got.length, common / wanted.length);
}

function fMeasure(precision: number, recall: number): number {
  return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
}

function longestCommon(a: readonly string[], b: readonly string[]): number {
  let before = new Uint32Array(b.length + 1);
  let row = new Uint32Array(b.length + 1);
  for (const word of a) {
    for (let at = 0; at < b.length; at++) {
      row[at + 1] = word === b[at] ? before[at]! + 1 : Math.max(before[at + 1]!, row[at]!);
    }
    [before, row] = [row, before];
  }
  return before[b.length]!;
}
