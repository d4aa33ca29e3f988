import { RowError } from '../errors.ts';
import type { ChatMessage, ColumnMap, Conversation, Role } from '../types.ts';
import { chatConversation, withSystem } from './conversation.ts';
import { isBlank, type RowFields } from './fields.ts';
import { LEARN_FLAGS, yesOrNo } from './flags.ts';
import { toolCallsOf, toolCallsOfText, toolsOf } from './tools.ts';
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
  function_call: 'assistant',
  tool: 'tool',
  function: 'tool',
  observation: 'tool',
};

/** Names of an answer's thoughts, in the order in which they are looked for. */
const REASONING = ['reasoning_content', 'reasoning', 'thinking'];

/** OpenAI style: messages of { role, content }, content as text or as a list of text parts; `weight: 0` is not learned. */
export function fromMessages(row: Row, columns: ColumnMap, fields: RowFields): Conversation {
  return fromTurns(row, columns, columns.messages!, 'role', 'content', fields);
}

/** ShareGPT: conversations of { from, value } with human, gpt and system. */
export function fromShareGpt(row: Row, columns: ColumnMap, fields: RowFields): Conversation {
  return fromTurns(row, columns, columns.conversations!, 'from', 'value', fields);
}

function fromTurns(
  row: Row,
  columns: ColumnMap,
  column: string,
  roleKey: string,
  contentKey: string,
  fields: RowFields,
): Conversation {
  const turns = readTurns(row, column, roleKey, contentKey, fields);
  return chatConversation(withSystem(optionalText(row, columns.system), turns), toolsOf(row, fields));
}

/** The turns in a column. @throws RowError missing_column, wrong_type, empty_content, unsupported_role, unsupported_content */
export function readTurns(
  row: Row,
  column: string,
  roleKey: string,
  contentKey: string,
  fields: RowFields,
): ChatMessage[] {
  return requiredList(row, column).map((item, index) => toMessage(item, index, column, roleKey, contentKey, fields));
}

function toMessage(
  item: unknown,
  index: number,
  column: string,
  roleKey: string,
  contentKey: string,
  fields: RowFields,
): ChatMessage {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    throw new RowError(
      'wrong_type',
      `Turn ${index + 1} must be an object with "${roleKey}" and "${contentKey}", this is ${typeName(item)}.`,
      { turn: index + 1, expected: 'object', found: typeName(item) },
    );
  }
  const turn = item as Row;
  const role = toRole(turn[roleKey], index, roleKey);
  const used = new Set([roleKey, contentKey]);
  const message: ChatMessage = { role, content: '' };
  const value = turn[contentKey];
  // ShareGPT's turns that are a call have it as their text.
  const isCall = turn[roleKey] === 'function_call' && typeof value === 'string';
  if (role === 'assistant') readAnswer(message, turn, index, used);
  if (role === 'tool') readToolAnswer(message, turn, used);
  if (isCall) message.tool_calls = toolCallsOfText(value, index);
  else if (message.tool_calls === undefined || !isBlank(value)) message.content = toContent(turn, index, contentKey);
  for (const field of Object.keys(turn)) {
    if (!used.has(field) && !isBlank(turn[field])) fields.leaveInTurn(column, field);
  }
  return message;
}

/** What only answers have: whether they are learned, thoughts, calls of tools. */
function readAnswer(message: ChatMessage, turn: Row, index: number, used: Set<string>): void {
  for (const flag of LEARN_FLAGS) {
    const isLearned = yesOrNo(turn[flag]);
    if (isLearned === null) continue;
    used.add(flag);
    if (!isLearned) message.supervised = false;
  }
  const reasoning = REASONING.find((name) => typeof turn[name] === 'string' && !isBlank(turn[name]));
  if (reasoning !== undefined) {
    used.add(reasoning);
    const text = turn[reasoning] as string;
    if (!isWellFormed(text))
      throw new RowError('invalid_utf8', `Turn ${index + 1} holds half of a surrogate pair.`, { turn: index + 1 });
    message.reasoning = text;
  }
  const calls = toolCallsOf(turn, index);
  used.add('tool_calls').add('function_call');
  if (calls.length > 0) message.tool_calls = calls;
}

function readToolAnswer(message: ChatMessage, turn: Row, used: Set<string>): void {
  for (const key of ['name', 'tool_call_id'] as const) {
    const value = turn[key];
    if (typeof value !== 'string') continue;
    used.add(key);
    message[key] = value;
  }
}

function toRole(value: unknown, index: number, roleKey: string): Role {
  if (typeof value !== 'string')
    throw new RowError('wrong_type', `Turn ${index + 1} has no "${roleKey}".`, { turn: index + 1, key: roleKey });
  // Object.hasOwn: a role named "constructor" must not find the prototype's.
  const name = value.toLowerCase();
  if (!Object.hasOwn(ROLES, name)) {
    throw new RowError(
      'unsupported_role',
      `Turn ${index + 1} has the role "${value}"; system, user, assistant and tool are known.`,
      { turn: index + 1, role: value },
    );
  }
  return ROLES[name]!;
}

function toContent(turn: Row, index: number, contentKey: string): string {
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
