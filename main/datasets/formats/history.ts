import { RowError } from '../errors.ts';
import type { ChatMessage } from '../types.ts';
import { isBlank, type RowFields } from './fields.ts';
import { isWellFormed, requiredList, typeName, type Row } from './values.ts';

/**
 * Earlier turns of a row: `history` with pairs of a question and its answer, oldest first.
 * @throws RowError wrong_type, empty_content, invalid_utf8
 */
export function historyOf(row: Row, fields: RowFields): ChatMessage[] {
  if (isBlank(row['history'])) return [];
  fields.use('history');
  const turns: ChatMessage[] = [];
  for (const pair of requiredList(row, 'history')) {
    const [question, answer] = Array.isArray(pair) ? (pair as unknown[]) : [];
    if (typeof question !== 'string' || typeof answer !== 'string' || (pair as unknown[]).length !== 2) {
      throw new RowError('wrong_type', `"history" must hold pairs of question and answer, one is ${typeName(pair)}.`, {
        column: 'history',
        expected: 'list',
        found: typeName(pair),
      });
    }
    if (!isWellFormed(question) || !isWellFormed(answer)) {
      throw new RowError('invalid_utf8', 'The column "history" holds half of a surrogate pair.', { column: 'history' });
    }
    turns.push({ role: 'user', content: question }, { role: 'assistant', content: answer });
  }
  return turns;
}
