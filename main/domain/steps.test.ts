import { expect, test } from 'vitest';
import { automaticCheckpointSteps, stepsPerEpoch, totalSteps } from './steps.ts';

const settings = { micro_batch_size: 2, gradient_accumulation_steps: 4, epochs: 1, max_steps: 0 };

test('a pass covers every row, its last step with what is left', () => {
  expect(stepsPerEpoch(settings, 16)).toBe(2);
  expect(stepsPerEpoch(settings, 17)).toBe(3);
  expect(stepsPerEpoch(settings, 1)).toBe(1);
});

test('max_steps wins over epochs; part epochs are rounded up', () => {
  expect(totalSteps({ ...settings, epochs: 1.5 }, 24)).toBe(5);
  expect(totalSteps({ ...settings, max_steps: 7 }, 24)).toBe(7);
});

// Figures as in native/tests/training-run-test.cpp, which trains by the same rule.
test('a run that chooses itself writes checkpoints about ten times', () => {
  expect([1000, 81, 12].map(automaticCheckpointSteps)).toEqual([100, 9, 5]);
});
