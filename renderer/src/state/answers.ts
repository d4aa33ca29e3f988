import type { RunSample, SamplePrompt } from '../../../main/contracts/ipc.ts';

/** A prompt with the answers to it, side by side. */
export interface AnswerRow {
  prompt: string;
  expected: string | null;
  /** Null where it has not answered (yet). */
  base: string | null;
  tuned: string | null;
}

/** Longer answers are seldom word for word the same: whether they are says nothing of them. */
const EXACT_CHARS = 200;

/** The answers with one more, which takes the place of an older one to the same prompt at the same step. */
export function withSample(samples: readonly RunSample[], sample: RunSample): RunSample[] {
  const others = samples.filter((one) => one.step !== sample.step || one.prompt_index !== sample.prompt_index);
  return [...others, sample].sort((a, b) => a.step - b.step || a.prompt_index - b.prompt_index);
}

/** The steps of training at which something was answered, the first first. */
export function answeredSteps(samples: readonly RunSample[]): number[] {
  return [...new Set(samples.map(({ step }) => step))].filter((step) => step > 0).sort((a, b) => a - b);
}

/** Every prompt in the person's order, with the base's answer and that of a step. */
export function answerRows(
  prompts: readonly SamplePrompt[],
  samples: readonly RunSample[],
  step: number | null,
): AnswerRow[] {
  const answer = (index: number, at: number) =>
    samples.find((one) => one.prompt_index === index && one.step === at)?.text ?? null;
  return prompts.map(({ prompt, expected }, index) => ({
    prompt,
    expected,
    base: answer(index, 0),
    tuned: step === null ? null : answer(index, step),
  }));
}

/** Whether an answer is right to the letter, blank ends aside; null where that can't be said. */
export function isExact(expected: string | null, answer: string | null): boolean | null {
  if (expected === null || expected.length > EXACT_CHARS || answer === null) return null;
  return answer.trim() === expected.trim();
}

/** How many of the answers that can be judged are right to the letter; null where none can. */
export function countExact(rows: readonly AnswerRow[], voice: 'base' | 'tuned'): { exact: number; of: number } | null {
  const judged = rows.map((row) => isExact(row.expected, row[voice])).filter((one) => one !== null);
  return judged.length === 0 ? null : { exact: judged.filter(Boolean).length, of: judged.length };
}
