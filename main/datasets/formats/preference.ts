import { RowError } from '../errors.ts';
import type { ChatConversation, ChatMessage, ColumnMap } from '../types.ts';
import { chatConversation, withSystem } from './conversation.ts';
import type { RowFields } from './fields.ts';
import { yesOrNo } from './flags.ts';
import { historyOf } from './history.ts';
import { answered, asked, promptAndCompletion } from './prompt-completion.ts';
import { toolsOf } from './tools.ts';
import { optionalText, type Row } from './values.ts';

/**
 * A chosen and a rejected answer to one prompt, as TRL has them: beside `prompt`, or as conversations that have it as their common
 * beginning. Only what the two don't share is learned.
 */
export function fromPreference(row: Row, columns: ColumnMap, fields: RowFields): ChatConversation {
  const chosen = answered(row, columns.chosen!, fields);
  const rejected = answered(row, columns.rejected!, fields);
  const before = [...historyOf(row, fields), ...(isWhole(chosen) ? [] : promptOf(row, columns, fields))];
  const system = optionalText(row, columns.system);
  const tools = toolsOf(row, fields);
  const [good, bad] = [chosen, rejected].map((answer) => withSystem(system, [...before, ...answer])) as [
    ChatMessage[],
    ChatMessage[],
  ];
  const shared = sharedTurns(good, bad);
  if (shared === good.length && shared === bad.length)
    throw new RowError('pair_equal', 'The chosen and the rejected answer are the same.');
  const context = (turns: ChatMessage[]) =>
    turns.map((turn, at) => (at < shared && turn.role === 'assistant' ? { ...turn, supervised: false } : turn));
  return { ...chatConversation(context(good), tools), rejected: chatConversation(context(bad), tools).messages };
}

/** An answer that is marked as good or bad: TRL's `prompt`, `completion` and `label`. @throws RowError wrong_type */
export function fromLabelled(row: Row, columns: ColumnMap, fields: RowFields): ChatConversation {
  const column = columns.label!;
  const desirable = yesOrNo(row[column]);
  if (desirable === null) {
    throw new RowError('wrong_type', `The column "${column}" must be true or false.`, {
      column,
      expected: 'true or false',
      found: String(row[column]),
    });
  }
  return { ...promptAndCompletion(row, columns, fields), desirable };
}

/** @throws RowError missing_column where the answers are text and nothing says what they answer */
function promptOf(row: Row, columns: ColumnMap, fields: RowFields): ChatMessage[] {
  if (columns.prompt !== undefined) return asked(row, columns, fields);
  throw new RowError('missing_column', 'Has no column "prompt", and its answers do not hold what was asked.', {
    column: 'prompt',
  });
}

/** Whether the turns of an answer hold what was asked, too. */
const isWhole = (turns: ChatMessage[]) => turns.some(({ role }) => role === 'user');

/** How many turns both begin with. */
function sharedTurns(a: ChatMessage[], b: ChatMessage[]): number {
  let at = 0;
  while (at < a.length && at < b.length && isSame(a[at]!, b[at]!)) at++;
  return at;
}

function isSame(a: ChatMessage, b: ChatMessage): boolean {
  return (
    a.role === b.role &&
    a.content.trim() === b.content.trim() &&
    (a.reasoning ?? '') === (b.reasoning ?? '') &&
    JSON.stringify(a.tool_calls ?? null) === JSON.stringify(b.tool_calls ?? null)
  );
}
