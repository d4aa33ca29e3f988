import type { ColumnMap, Conversation } from '../types.ts';
import { requiredText, type Row } from './values.ts';

/** Text to go on with, all of it learned. */
export function fromText(row: Row, columns: ColumnMap): Conversation {
  return { kind: 'text', text: requiredText(row, columns.text!) };
}
