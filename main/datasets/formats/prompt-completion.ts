import type { ChatConversation, ChatMessage, ColumnMap, Conversation } from '../types.ts';
import { alpacaUserText, chatConversation, withSystem } from './conversation.ts';
import type { RowFields } from './fields.ts';
import { refuseWrongAnswer } from './flags.ts';
import { historyOf } from './history.ts';
import { toolsOf } from './tools.ts';
import { readTurns } from './turns.ts';
import { optionalText, requiredText, type Row } from './values.ts';

/**
 * One question and one answer, with optional: what the question refers to, a system text, and earlier turns in `history`. Question
 * and answer may be lists of turns, as TRL has them; then only the turns of the answer are learned.
 */
export function fromPromptCompletion(row: Row, columns: ColumnMap, fields: RowFields): Conversation {
  return promptAndCompletion(row, columns, fields, refuseWrongAnswer);
}

/** The same, whatever a label says of the answer, unless `check` refuses the row. */
export function promptAndCompletion(
  row: Row,
  columns: ColumnMap,
  fields: RowFields,
  check?: (row: Row, fields: RowFields) => void,
): ChatConversation {
  const prompt = asked(row, columns, fields);
  const completion = answered(row, columns.completion!, fields);
  const system = optionalText(row, columns.system);
  check?.(row, fields);
  const turns = [...historyOf(row, fields), ...prompt, ...completion];
  return chatConversation(withSystem(system, turns), toolsOf(row, fields));
}

/** What is asked: text, or turns whose answers are context. */
export function asked(row: Row, columns: ColumnMap, fields: RowFields): ChatMessage[] {
  const column = columns.prompt!;
  if (isTurns(row[column])) {
    return readTurns(row, column, 'role', 'content', fields).map((turn) =>
      turn.role === 'assistant' ? { ...turn, supervised: false } : turn,
    );
  }
  const input = optionalText(row, columns.input) ?? '';
  return [{ role: 'user', content: alpacaUserText(requiredText(row, column), input.trim() === '' ? '' : input) }];
}

/** An answer: text, or turns. */
export function answered(row: Row, column: string, fields: RowFields): ChatMessage[] {
  if (isTurns(row[column])) return readTurns(row, column, 'role', 'content', fields);
  return [{ role: 'assistant', content: requiredText(row, column) }];
}

/** Text of CSV that is a list of turns is left as text: an answer may be JSON. */
const isTurns = (value: unknown) => Array.isArray(value);
