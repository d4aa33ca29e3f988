import { RowError } from '../errors.ts';
import type { ChatMessage, ColumnMap, Conversation, Role } from '../types.ts';
import { chatConversation } from './conversation.ts';
import { isWellFormed, optionalText, requiredList, typeName, type Row } from './values.ts';

const ROLES: Record<string, Role> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  human: 'user',
  assistant: 'assistant',
  gpt: 'assistant',
  chatgpt: 'assistant',
  bot: 'assistant',
  model: 'assistant',
};

/** OpenAI style: messages of { role, content }, content as text or as a list of text parts; `weight: 0` is not learned. */
export function fromMessages(row: Row, columns: ColumnMap): Conversation {
  const column = columns.messages!;
  const list = requiredList(row, column);
  return chatConversation(
    withSystem(
      row,
      columns,
      list.map((item, index) => toMessage(item, index, 'role', 'content')),
    ),
  );
}

/** ShareGPT: conversations of { from, value } with human, gpt and system. */
export function fromShareGpt(row: Row, columns: ColumnMap): Conversation {
  const column = columns.conversations!;
  const list = requiredList(row, column);
  return chatConversation(
    withSystem(
      row,
      columns,
      list.map((item, index) => toMessage(item, index, 'from', 'value')),
    ),
  );
}

function withSystem(row: Row, columns: ColumnMap, messages: ChatMessage[]): ChatMessage[] {
  const system = optionalText(row, columns.system) ?? '';
  if (system.trim() === '' || messages[0]?.role === 'system') return messages;
  return [{ role: 'system', content: system }, ...messages];
}

function toMessage(item: unknown, index: number, roleKey: string, contentKey: string): ChatMessage {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    throw new RowError(
      'wrong_type',
      `Turn ${index + 1} must be an object with "${roleKey}" and "${contentKey}", this is ${typeName(item)}.`,
      { turn: index + 1, expected: 'object', found: typeName(item) },
    );
  }
  const turn = item as Row;
  const role = toRole(turn[roleKey], index, roleKey);
  const content = toContent(turn, index, contentKey);
  return turn['weight'] === 0 ? { role, content, supervised: false } : { role, content };
}

function toRole(value: unknown, index: number, roleKey: string): Role {
  if (typeof value !== 'string')
    throw new RowError('wrong_type', `Turn ${index + 1} has no "${roleKey}".`, { turn: index + 1, key: roleKey });
  // Object.hasOwn: a role named "constructor" must not find the prototype's.
  const name = value.toLowerCase();
  if (!Object.hasOwn(ROLES, name)) {
    throw new RowError(
      'unsupported_role',
      `Turn ${index + 1} has the role "${value}"; system, user and assistant are learned from.`,
      { turn: index + 1, role: value },
    );
  }
  return ROLES[name]!;
}

function toContent(turn: Row, index: number, contentKey: string): string {
  if (turn['tool_calls'] !== undefined && turn['tool_calls'] !== null) {
    throw new RowError('unsupported_content', `Turn ${index + 1} calls tools; only text is learned from.`, {
      turn: index + 1,
    });
  }
  const value = turn[contentKey];
  if (value === undefined || value === null)
    throw new RowError('wrong_type', `Turn ${index + 1} has no "${contentKey}".`, { turn: index + 1, key: contentKey });
  const content = Array.isArray(value) ? joinParts(value, index) : value;
  if (typeof content !== 'string')
    throw new RowError(
      'wrong_type',
      `"${contentKey}" of turn ${index + 1} must be text, this is ${typeName(content)}.`,
      { turn: index + 1, expected: 'text', found: typeName(content) },
    );
  if (!isWellFormed(content))
    throw new RowError('invalid_utf8', `Turn ${index + 1} holds half of a surrogate pair.`, { turn: index + 1 });
  return content;
}

function joinParts(parts: unknown[], index: number): string {
  return parts
    .map((part) => {
      if (typeof part === 'string') return part;
      const { type, text } = (part ?? {}) as { type?: unknown; text?: unknown };
      if ((type === 'text' || type === undefined) && typeof text === 'string') return text;
      throw new RowError(
        'unsupported_content',
        `Turn ${index + 1} holds a part that is not text (${typeof type === 'string' ? type : typeName(part)}).`,
        { turn: index + 1 },
      );
    })
    .join('');
}
