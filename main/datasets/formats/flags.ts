import { RowError } from '../errors.ts';
import type { RowFields } from './fields.ts';
import type { Row } from './values.ts';

/** Fields of a turn that say whether it is learned; OpenAI's is `weight`. */
export const LEARN_FLAGS = ['weight', 'loss', 'train', 'training', 'trainable'] as const;

/** What a value says as yes or no: booleans, 0 and 1, and their words as CSV has them; null for anything else. */
export function yesOrNo(value: unknown): boolean | null {
  if (typeof value === 'boolean') return value;
  if (value === 1 || value === 0) return value === 1;
  if (typeof value !== 'string') return null;
  const word = value.trim().toLowerCase();
  return word === 'true' ? true : word === 'false' ? false : null;
}

/**
 * Refuses a row of Kahneman-Tversky data (`label` beside prompt and answer) that shows how not to answer.
 * @throws RowError labelled_wrong
 */
export function refuseWrongAnswer(row: Row, fields: RowFields): void {
  if (row['label'] === undefined) return;
  // 0 and 1 may be classes of something else.
  const isRight = typeof row['label'] === 'number' ? null : yesOrNo(row['label']);
  if (isRight === null) return;
  fields.use('label');
  if (!isRight) {
    throw new RowError('labelled_wrong', 'Its "label" is false: an answer that is not to be learned.', {
      column: 'label',
    });
  }
}
