import type { Segment } from '../datasets/index.ts';
import type { ChatProcess } from './chat-process.ts';

/** A prompt, and the answer that counts as right. */
export interface Question {
  prompt: readonly Segment[];
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

export interface ExactMatchOptions {
  /** Default 128. */
  max_tokens?: number;
  /** Ends an answer as soon as it can't become the right one: much faster for a model that knows nothing. Default false. */
  stop_when_wrong?: boolean;
  /** Called after each answer, with how many are done. */
  onAnswer?: (done: number, total: number) => void;
}

/**
 * Lets a voice answer every question greedily, and counts the answers that are right to the letter (blank ends aside).
 *
 * @throws ChatError as ChatProcess.generate
 */
export async function countExactMatches(
  chat: ChatProcess,
  voice: string,
  questions: Question[],
  options: ExactMatchOptions = {},
): Promise<ExactMatch> {
  const { max_tokens = 128, stop_when_wrong = false, onAnswer } = options;
  const answers: ExactMatch['answers'] = [];
  const started = performance.now();
  let tokens = 0;
  for (const { prompt, answer: expected } of questions) {
    const abort = new AbortController();
    let text = '';
    const watch = (piece: string) => {
      text += piece;
      if (!expected.startsWith(text.trim())) abort.abort();
    };
    const watching = stop_when_wrong ? { onText: watch, signal: abort.signal } : {};
    const result = await chat.generate(voice, prompt, { max_tokens, ...watching });
    tokens += result.tokens;
    answers.push({ answer: result.text, expected, correct: result.text.trim() === expected.trim() });
    onAnswer?.(answers.length, questions.length);
  }
  return {
    correct: answers.filter(({ correct }) => correct).length,
    total: questions.length,
    answers,
    tokens_per_second: tokens / ((performance.now() - started) / 1000),
  };
}
