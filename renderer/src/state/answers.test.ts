import { expect, it } from 'vitest';
import type { RunSample } from '../../../main/contracts/ipc.ts';
import { answeredSteps, answerRows, countExact, isExact, withSample } from './answers.ts';

const sample = (step: number, prompt_index: number, text: string): RunSample => ({
  step,
  prompt_index,
  time_ms: 0,
  prompt: `${prompt_index}?`,
  text,
});
const prompts = [
  { system: null, prompt: 'B?', expected: 'b' },
  { system: null, prompt: 'A?', expected: 'a' },
  { system: null, prompt: 'Free?', expected: null },
];
const samples = [sample(20, 1, 'a'), sample(0, 0, 'x'), sample(0, 1, 'a'), sample(20, 0, ' b\n')].reduce(
  withSample,
  [],
);

it('puts answers beside their prompts, in the person’s order', () => {
  expect(answerRows(prompts, samples, 20)).toEqual([
    { prompt: 'B?', expected: 'b', base: 'x', tuned: ' b\n' },
    { prompt: 'A?', expected: 'a', base: 'a', tuned: 'a' },
    { prompt: 'Free?', expected: null, base: null, tuned: null },
  ]);
  expect(answeredSteps(samples)).toEqual([20]);
});

it('counts what is right to the letter, of what can be judged', () => {
  const rows = answerRows(prompts, samples, 20);
  expect(countExact(rows, 'base')).toEqual({ exact: 1, of: 2 });
  expect(countExact(rows, 'tuned')).toEqual({ exact: 2, of: 2 });
  expect(countExact(answerRows(prompts, [], null), 'tuned')).toBeNull();
  expect(isExact('x'.repeat(300), 'x')).toBeNull();
});

it('keeps the newer of two answers to the same prompt at the same step', () => {
  const again = withSample(samples, sample(20, 0, 'new'));
  expect(again).toHaveLength(samples.length);
  expect(answerRows(prompts, again, 20)[0]!.tuned).toBe('new');
});
