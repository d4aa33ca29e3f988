import { RowError } from '../errors.ts';
import type { ChatMessage, Conversation } from '../types.ts';

/**
 * Checks what every chat row must fulfil. Turns after the last answer teach nothing and are left out.
 * @throws RowError no_answer, empty_content
 */
export function chatConversation(messages: ChatMessage[]): Conversation {
  let end = messages.length;
  while (end > 0 && messages[end - 1]!.role !== 'assistant') end--;
  if (end === 0) throw new RowError('no_answer', 'Has no answer of the assistant to learn from.');
  const kept = end === messages.length ? messages : messages.slice(0, end);
  for (let index = 0; index < kept.length; index++) {
    const { role, content } = kept[index]!;
    if (content.trim() === '' && role !== 'system') {
      throw new RowError('empty_content', `Turn ${index + 1} (${role}) is empty.`, { turn: index + 1 });
    }
  }
  return {
    kind: 'chat',
    messages: kept[0]!.role === 'system' && kept[0]!.content.trim() === '' ? kept.slice(1) : kept,
  };
}

/** The user's turn of an Alpaca row under a chat template. */
export function alpacaUserText(instruction: string, input: string): string {
  return input === '' ? instruction : `${instruction}\n\n${input}`;
}
