/** What the check of an export works on. */
export interface CheckedWork {
  /** Tokens of the rows that are scored. */
  tokens: number;
  /** Answers that are compared, each written twice. */
  answers: number;
  /** The base's file; the export is taken to be as large. */
  file_bytes: number;
  /** Of training; null where it is not known. */
  tokens_per_second: number | null;
}

/** A forward pass is a third of a training step; base, tuned and export each do one. */
const PASSES = 3;
const FORWARD_SPEEDUP = 3;
/** A cautious speed for a model that was never timed. */
const UNKNOWN_TOKENS_PER_SECOND = 100;
/** Tokens of an answer, and how fast a CPU reads the weights for each of them. */
const ANSWER_TOKENS = 40;
const BYTES_PER_SECOND = 5e9;
const TOKEN_MS = 10;
/** Starting processes and reading headers. */
const START_MS = 3000;

/** About how long the check of an export takes, in ms. */
export function estimateCheck({ tokens, answers, file_bytes, tokens_per_second }: CheckedWork): number {
  const scored = (1000 * PASSES * tokens) / ((tokens_per_second ?? UNKNOWN_TOKENS_PER_SECOND) * FORWARD_SPEEDUP);
  const answered = 2 * answers * ANSWER_TOKENS * (TOKEN_MS + (1000 * file_bytes) / BYTES_PER_SECOND);
  return Math.round(START_MS + scored + answered);
}
