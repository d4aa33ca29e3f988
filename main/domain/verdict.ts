import type { RunVerdict } from '../contracts/ipc.ts';

/** Shares of the loss: a smaller fall is none, a smaller rise is noise. */
const FALL = 0.02;
const RISE = 0.03;

/**
 * Fewer tokens to learn than this say nothing for sure. A token's loss, tuned against base, varies by about one nat, so that the
 * mean of 500 is known to some 0.04 nats: about FALL of a usual loss of 2.
 */
export const LEAST_TOKENS = 500;

export interface Validated {
  step: number;
  val_loss: number;
  /** Tokens to learn in the validation rows. */
  tokens: number;
}

/**
 * Judges a run by its validations, or by its training loss where it has fewer than two.
 * @param validations in the order of their steps, the base's first
 * @param train_losses of the first and the last step; null where there are not two steps
 * @returns null where there is nothing to judge by
 */
export function verdictOf(
  validations: readonly Validated[],
  train_losses: readonly [first: number, last: number] | null,
): RunVerdict | null {
  const first = validations[0];
  const last = validations.at(-1);
  if (first === undefined || last === undefined || first === last) {
    return train_losses === null ? null : { kind: 'unknown', from: train_losses[0], to: train_losses[1] };
  }
  if (last.tokens < LEAST_TOKENS) return { kind: 'too_few', tokens: last.tokens, least_tokens: LEAST_TOKENS };
  const best = validations.reduce((lowest, one) => (one.val_loss < lowest.val_loss ? one : lowest));
  if (best.step > 0 && best !== last && last.val_loss > best.val_loss * (1 + RISE)) {
    return { kind: 'memorised', best: best.val_loss, last: last.val_loss, step: best.step };
  }
  const kind = last.val_loss < first.val_loss * (1 - FALL) ? 'learned' : 'unmoved';
  return { kind, from: first.val_loss, to: last.val_loss };
}
