import type { ChatMessage, ColumnMap, Conversation } from '../types.ts';
import { alpacaUserText, chatConversation, withSystem } from './conversation.ts';
import type { RowFields } from './fields.ts';
import { refuseWrongAnswer } from './flags.ts';
import { historyOf } from './history.ts';
import { toolsOf } from './tools.ts';
import { optionalText, requiredText, type Row } from './values.ts';

/** instruction, input (may be empty), output, and optional: a system text, and earlier turns in `history`. */
export function fromAlpaca(row: Row, columns: ColumnMap, fields: RowFields): Conversation {
  const instruction = requiredText(row, columns.instruction!);
  const output = requiredText(row, columns.output!);
  const input = optionalText(row, columns.input) ?? '';
  const system = optionalText(row, columns.system);
  refuseWrongAnswer(row, fields);
  const history = historyOf(row, fields);
  const trimmedInput = input.trim() === '' ? '' : input;
  const turns: ChatMessage[] = [
    ...history,
    { role: 'user', content: alpacaUserText(instruction, trimmedInput) },
    { role: 'assistant', content: output },
  ];
  const conversation = chatConversation(withSystem(system, turns), toolsOf(row, fields));
  // The Alpaca template sets instruction and input apart in a row of one turn.
  return history.length > 0 ? conversation : { ...conversation, alpaca: { instruction, input: trimmedInput } };
}
