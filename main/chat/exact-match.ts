import type { ChatProcess } from './chat-process.ts';

/** A prompt, and the answer that counts as right. */
export interface Question {
  prompt: string;
  answer: string;
}

export interface ExactMatch {
  correct: number;
  total: number;
  /** In the order of the questions. */
  answers: { answer: string; expected: string; correct: boolean }[];
  /** Tokens generated per second, over all answers. */
  tokens_per_second: number;
}

/**
 * Lets a voice answer every question greedily, and counts the answers that are right to the letter (blank ends aside).
 *
 * @param n_parallel how many are asked at once; the voice must be loaded with as many
 * @param onAnswer called after each answer, with how many are done
 * @throws ChatError as ChatProcess.generate
 */
export async function countExactMatches(
  chat: ChatProcess,
  voice: string,
  questions: Question[],
  options: { n_parallel?: number; max_tokens?: number; onAnswer?: (done: number, total: number) => void } = {},
): Promise<ExactMatch> {
  const { n_parallel = 1, max_tokens = 128, onAnswer } = options;
  const answers: ExactMatch['answers'] = [];
  const started = performance.now();
  let next = 0;
  let done = 0;
  let tokens = 0;
  const ask = async () => {
    for (let index = next++; index < questions.length; index = next++) {
      const { prompt, answer: expected } = questions[index]!;
      const result = await chat.generate(voice, prompt, { max_tokens });
      tokens += result.tokens;
      answers[index] = { answer: result.text, expected, correct: result.text.trim() === expected.trim() };
      onAnswer?.(++done, questions.length);
    }
  };
  await Promise.all(Array.from({ length: n_parallel }, ask));
  return {
    correct: answers.filter(({ correct }) => correct).length,
    total: questions.length,
    answers,
    tokens_per_second: tokens / ((performance.now() - started) / 1000),
  };
}
