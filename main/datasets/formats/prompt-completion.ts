import type { ColumnMap, Conversation } from '../types.ts';
import { optionalText, requiredText, type Row } from './values.ts';

/** One question and one answer, with an optional system text. */
export function fromPromptCompletion(row: Row, columns: ColumnMap): Conversation {
  const prompt = requiredText(row, columns.prompt!);
  const completion = requiredText(row, columns.completion!);
  const system = optionalText(row, columns.system) ?? '';
  const turns = [
    { role: 'user' as const, content: prompt },
    { role: 'assistant' as const, content: completion },
  ];
  return { kind: 'chat', messages: system.trim() === '' ? turns : [{ role: 'system', content: system }, ...turns] };
}
