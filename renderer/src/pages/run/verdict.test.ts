import { describe, expect, it } from 'vitest';
import { verdictOf } from './verdict.ts';

const validations = (...losses: number[]) => losses.map((val_loss, at) => ({ step: (at + 1) * 10, val_loss }));
const point = (step: number, train_loss: number) => ({
  step,
  train_loss,
  learning_rate: 1e-4,
  grad_norm: 1,
  tokens_per_second: 100,
});

describe('verdictOf', () => {
  it('says that a run learned when the validation loss fell', () => {
    expect(verdictOf({ points: [], validations: validations(2, 1.5, 1.2) })).toEqual({
      kind: 'learned',
      from: 2,
      to: 1.2,
    });
  });

  it('names the step after which rows were learned by heart', () => {
    expect(verdictOf({ points: [], validations: validations(2, 1.2, 1.5) })).toEqual({
      kind: 'memorised',
      best: 1.2,
      last: 1.5,
      step: 20,
    });
  });

  it('takes a small rise for noise', () => {
    expect(verdictOf({ points: [], validations: validations(2, 1.2, 1.21) })?.kind).toBe('learned');
  });

  it('says that nothing was learned when the loss stays', () => {
    expect(verdictOf({ points: [], validations: validations(2, 1.99) })?.kind).toBe('unmoved');
  });

  it('does not judge by the training loss alone, and says nothing without curves', () => {
    expect(verdictOf({ points: [point(1, 3), point(9, 1)], validations: validations(2) })).toEqual({
      kind: 'unknown',
      from: 3,
      to: 1,
    });
    expect(verdictOf({ points: [], validations: [] })).toBeNull();
  });
});
