import type { ChatMessage, ColumnMap, Conversation } from '../types.ts';
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
  const prompt = asked(row, columns, fields);
  const completion = answered(row, columns.completion!, fields);
  const system = optionalText(row, columns.system);
  refuseWrongAnswer(row, fields);
  const turns = [...historyOf(row, fields), ...prompt, ...completion];
  return chatConversation(withSystem(system, turns), toolsOf(row, fields));
}

function asked(row: Row, columns: ColumnMap, fields: RowFields): ChatMessage[] {
  const column = columns.prompt!;
  if (isTurns(row[column])) {
    return readTurns(row, column, 'role', 'content', fields).map((turn) =>
      turn.role === 'assistant' ? { ...turn, supervised: false } : turn,
    );
  }
  const input = optionalText(row, columns.input) ?? '';
  return [{ role: 'user', content: alpacaUserText(requiredText(row, column), input.trim() === '' ? '' : input) }];
}

function answered(row: Row, column: string, fields: RowFields): ChatMessage[] {
  if (isTurns(row[column])) return readTurns(row, column, 'role', 'content', fields);
  return [{ role: 'assistant', content: requiredText(row, column) }];
}

/** Text of CSV that is a list of turns is left as text: an answer may be JSON. */
const isTurns = (value: unknown) => Array.isArray(value);
