import { RowError } from '../errors.ts';
import type { ChatConversation, ChatMessage } from '../types.ts';

/**
 * Checks what every chat row must fulfil. Turns after the last answer teach nothing: they are left out, and counted.
 * @throws RowError no_answer, empty_content
 */
export function chatConversation(messages: ChatMessage[], tools?: unknown[]): ChatConversation {
  let end = messages.length;
  while (end > 0 && messages[end - 1]!.role !== 'assistant') end--;
  if (end === 0) throw new RowError('no_answer', 'Has no answer of the assistant to learn from.');
  const kept = end === messages.length ? messages : messages.slice(0, end);
  let learned = 0;
  for (let index = 0; index < kept.length; index++) {
    const { role, content, tool_calls, supervised } = kept[index]!;
    if (role === 'assistant' && supervised !== false) learned += 1;
    const mayBeEmpty = role === 'system' || role === 'tool' || tool_calls !== undefined;
    if (!mayBeEmpty && content.trim() === '') {
      throw new RowError('empty_content', `Turn ${index + 1} (${role}) is empty.`, { turn: index + 1 });
    }
  }
  if (learned === 0) throw new RowError('no_answer', 'Each of its answers is marked as not to be learned.');
  return {
    kind: 'chat',
    messages: kept,
    ...(tools !== undefined && { tools }),
    ...(end < messages.length && { dropped_turns: messages.length - end }),
  };
}

/** Messages with a system text before them; a column that says nothing is none. */
export function withSystem(system: string | null, messages: ChatMessage[]): ChatMessage[] {
  if (system === null || system.trim() === '' || messages[0]?.role === 'system') return messages;
  return [{ role: 'system', content: system }, ...messages];
}

/** The user's turn of an Alpaca row under a chat template. */
export function alpacaUserText(instruction: string, input: string): string {
  return input === '' ? instruction : `${instruction}\n\n${input}`;
}
