import type { ColumnMap, Conversation, RowFormat } from '../types.ts';
import { fromAlpaca } from './alpaca.ts';
import { RowFields } from './fields.ts';
import { fromLabelled, fromPreference } from './preference.ts';
import { fromPromptCompletion } from './prompt-completion.ts';
import { fromText } from './text.ts';
import { fromMessages, fromShareGpt } from './turns.ts';
import type { Row } from './values.ts';

export { chooseFormat, type FormatChoice } from './detect.ts';

const CONVERTERS: Record<RowFormat, (row: Row, columns: ColumnMap, fields: RowFields) => Conversation> = {
  alpaca: fromAlpaca,
  messages: fromMessages,
  sharegpt: fromShareGpt,
  prompt_completion: fromPromptCompletion,
  text: fromText,
  preference: fromPreference,
  labelled: fromLabelled,
};

/**
 * A row of a known format in the common shape, and the names of what it holds besides.
 * @throws RowError with why this row can't be used
 */
export function toConversation(
  format: RowFormat,
  row: Row,
  columns: ColumnMap,
): { conversation: Conversation; unused: string[] } {
  const fields = new RowFields(row);
  for (const column of Object.values(columns)) fields.use(column);
  const conversation = CONVERTERS[format](row, columns, fields);
  return { conversation, unused: fields.unused() };
}
