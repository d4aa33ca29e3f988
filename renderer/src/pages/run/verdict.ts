import type { RunCurves } from '../../state/run-curves.ts';

/** What the curves of a finished run say in plain words. */
export type Verdict =
  /** The loss on rows that it never saw fell, and stayed down. */
  | { kind: 'learned'; from: number; to: number }
  /** It fell, and then rose again: what came after `step` was learned by heart. */
  | { kind: 'memorised'; best: number; last: number; step: number }
  /** It did not fall. */
  | { kind: 'unmoved'; from: number; to: number }
  /** There is only the loss on the rows that were trained on. */
  | { kind: 'unknown'; from: number; to: number };

/** Shares of the loss: a smaller fall is none, a smaller rise is noise. */
const FALL = 0.02;
const RISE = 0.03;

/** Judges a run by its validations, or by its training loss where it has fewer than two; null without any curve. */
export function verdictOf({ points, validations }: Pick<RunCurves, 'points' | 'validations'>): Verdict | null {
  if (validations.length < 2) {
    const [first, last] = [points[0], points.at(-1)];
    if (first === undefined || last === undefined || first === last) return null;
    return { kind: 'unknown', from: first.train_loss, to: last.train_loss };
  }
  const first = validations[0]!;
  const last = validations.at(-1)!;
  const best = validations.reduce((lowest, one) => (one.val_loss < lowest.val_loss ? one : lowest));
  if (best !== last && last.val_loss > best.val_loss * (1 + RISE)) {
    return { kind: 'memorised', best: best.val_loss, last: last.val_loss, step: best.step };
  }
  const kind = last.val_loss < first.val_loss * (1 - FALL) ? 'learned' : 'unmoved';
  return { kind, from: first.val_loss, to: last.val_loss };
}
