import { expect, test } from 'vitest';
import { LEAST_TOKENS, verdictOf } from './verdict.ts';

/** The base's loss, then one every ten steps. */
const validations = (...losses: number[]) =>
  losses.map((val_loss, at) => ({ step: at * 10, val_loss, tokens: LEAST_TOKENS }));

test('a run learned when its validation loss ends below the base’s', () => {
  expect(verdictOf(validations(2, 1.5, 1.2), null)).toEqual({ kind: 'learned', from: 2, to: 1.2 });
  // Two validations are enough: before the first step, and at the end.
  expect(verdictOf(validations(2, 1.2), null)?.kind).toBe('learned');
});

test('the step is named after which rows were learned by heart', () => {
  expect(verdictOf(validations(2, 1.2, 1.5), null)).toEqual({ kind: 'memorised', best: 1.2, last: 1.5, step: 10 });
  expect(verdictOf(validations(2, 1.2, 1.21), null)?.kind).toBe('learned');
});

test('a run that ends no better than the base did not learn, even when it never was better', () => {
  expect(verdictOf(validations(2, 1.99), null)?.kind).toBe('unmoved');
  expect(verdictOf(validations(2, 2.5, 2.4), null)).toEqual({ kind: 'unmoved', from: 2, to: 2.4 });
});

test('too few tokens say nothing, however far the loss fell', () => {
  const few = validations(2, 0.5).map((one) => ({ ...one, tokens: LEAST_TOKENS - 1 }));
  expect(verdictOf(few, [2, 1])).toEqual({ kind: 'too_few', tokens: LEAST_TOKENS - 1, least_tokens: LEAST_TOKENS });
});

test('the training loss alone is told, not judged; without curves there is nothing to say', () => {
  expect(verdictOf(validations(2), [3, 1])).toEqual({ kind: 'unknown', from: 3, to: 1 });
  expect(verdictOf([], null)).toBeNull();
});
