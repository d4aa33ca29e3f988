import type { ColumnMap, Conversation } from '../types.ts';
import { alpacaUserText } from './conversation.ts';
import { optionalText, requiredText, type Row } from './values.ts';

/** instruction, input (may be empty), output, and an optional system text. */
export function fromAlpaca(row: Row, columns: ColumnMap): Conversation {
  const instruction = requiredText(row, columns.instruction!);
  const output = requiredText(row, columns.output!);
  const input = optionalText(row, columns.input) ?? '';
  const system = optionalText(row, columns.system) ?? '';
  const trimmedInput = input.trim() === '' ? '' : input;
  const user = { role: 'user' as const, content: alpacaUserText(instruction, trimmedInput) };
  const answer = { role: 'assistant' as const, content: output };
  return {
    kind: 'chat',
    messages: system.trim() === '' ? [user, answer] : [{ role: 'system', content: system }, user, answer],
    alpaca: { instruction, input: trimmedInput },
  };
}
