import { findDates, type DatedText } from './dates.ts';

/** What of a prompt template is needed; main/datasets has them. */
export interface TurnRenderer {
  renderPrompt(messages: Message[]): Piece[];
  renderRow(conversation: { kind: 'chat'; messages: Message[] }): Piece[];
}

export interface Message {
  role: Role;
  content: string;
}

export type Role = 'system' | 'user' | 'assistant';
type Piece = [text: string, supervised: 0 | 1, literal?: 1];

/** What is cut off at an end of a message: white space, only line ends, or nothing. */
export const CUTS = ['nothing', 'blanks', 'newlines'] as const;
export type Cut = (typeof CUTS)[number];

/** What comes before a message, and what of the message itself is shown. */
export interface Step {
  before: DatedText;
  cut_start: Cut;
  cut_end: Cut;
}

/** What a message follows: nothing, a message, or a system message without text, which templates may take for none. */
export type Before = '' | 'empty' | Role;

/**
 * A prompt template as Ollama can have it: fixed text between one message and the next, which depends on the two roles alone. A key is
 * like `user>assistant`, for an answer behind a question, or `>user`, for a question that comes first.
 */
export interface Turns {
  steps: Partial<Record<`${Before}>${Role}`, Step>>;
  /** Behind the last message, a user's: the generation prompt. */
  generation: DatedText;
  /** The system text stands in the last question, wherever the system message was. */
  late_system: boolean;
  /** The system text there where a conversation brings none. */
  late_default?: string;
}

/** A day on which day, month and year can't be taken for one another. */
export const PROBE_DAY = new Date(2031, 10, 23, 12);

const PADS = [' \n\t ', '\n\n'] as const;

/** Conversations that show every pair of roles. `empty` is a system message without text. */
const PROBES: { roles: ('empty' | Role)[]; is_optional?: true }[] = [
  { roles: ['user'] },
  { roles: ['user', 'assistant', 'user'] },
  { roles: ['system', 'user'] },
  { roles: ['system', 'user', 'assistant', 'user'] },
  { roles: ['assistant', 'user'] },
  { roles: ['system', 'assistant', 'user'] },
  { roles: ['empty', 'user'] },
  { roles: ['empty', 'assistant', 'user'] },
  // Many templates do something else with a later system message; a few conversations have one.
  { roles: ['user', 'assistant', 'system', 'user'], is_optional: true },
];

/**
 * Takes a template apart by looking at what it makes of a few conversations.
 * @param prompt what the model is given before its answer, as it was trained; null where the template refuses the conversation
 * @returns null when it is not made of fixed parts
 */
export function learnTurns(prompt: (messages: Message[]) => string | null): Turns | null {
  let turns: Turns = { steps: {}, generation: [], late_system: false };
  for (const { roles, is_optional } of PROBES) {
    const next = structuredClone(turns);
    const learned = learnProbe(next, roles, prompt);
    if (learned) turns = next;
    else if (learned === null && is_optional === undefined) return null;
  }
  return turns.steps['>user'] === undefined ? null : turns;
}

/** @returns false when the template refuses the conversation, null when it is not made of fixed parts */
function learnProbe(
  turns: Turns,
  roles: ('empty' | Role)[],
  prompt: (messages: Message[]) => string | null,
): boolean | null {
  const messages = roles.map((role, index): Message => {
    const content = role === 'empty' ? '' : `\u{e000}${role}${index}\u{e001}`;
    return { role: role === 'empty' ? 'system' : role, content };
  });
  const plain = prompt(messages);
  const padded = PADS.map((pad) =>
    prompt(messages.map(({ role, content }) => ({ role, content: content === '' ? '' : pad + content + pad }))),
  );
  if (plain === null || padded.some((text) => text === null)) return false;
  const shown = messages.filter(({ content }) => content !== '');
  if ([plain, ...padded].some((text) => shown.some(({ content }) => text!.split(content).length !== 2))) return null;
  const order = [...shown].sort((a, b) => plain.indexOf(a.content) - plain.indexOf(b.content));
  if (roles[0] === 'system' && order[0]?.role !== 'system') turns.late_system = true;
  const first: Before = roles[0] === 'empty' ? 'empty' : '';
  return addSteps(
    turns,
    first,
    order.map(({ role }) => role),
    between(plain, order),
    padded.map((text) => between(text!, order)),
  )
    ? true
    : null;
}

/** What stands before each message's text, and behind the last. */
function between(text: string, order: Message[]): string[] {
  const pieces: string[] = [];
  let rest = text;
  for (const { content } of order) {
    const at = rest.indexOf(content);
    pieces.push(rest.slice(0, at));
    rest = rest.slice(at + content.length);
  }
  return [...pieces, rest];
}

/** @returns false when a pair of roles has another text between them than it had before */
function addSteps(turns: Turns, first: Before, roles: Role[], plain: string[], padded: string[][]): boolean {
  const cuts = roles.map((): [start: Cut, end: Cut] => ['nothing', 'nothing']);
  for (const [index, text] of plain.entries()) {
    const found = cutsAround(text, padded.map((pieces) => pieces[index]!), index > 0, index < roles.length); // prettier-ignore
    if (found === null) return false;
    if (index > 0) cuts[index - 1]![1] = found[0];
    if (index < roles.length) cuts[index]![0] = found[1];
  }
  for (const [index, role] of roles.entries()) {
    const key: keyof Turns['steps'] = `${roles[index - 1] ?? first}>${role}`;
    const [cut_start, cut_end] = cuts[index]!;
    const step: Step = { before: findDates(plain[index]!, PROBE_DAY), cut_start, cut_end };
    if (!isSame((turns.steps[key] ??= step), step)) return false;
  }
  const generation = findDates(plain.at(-1)!, PROBE_DAY);
  if (turns.generation.length === 0) turns.generation = generation;
  return isSame(turns.generation, generation);
}

/** What is cut of the blanks around a text between two messages: at the end of the one before, at the start of the one behind. */
function cutsAround(plain: string, padded: string[], hasBefore: boolean, hasBehind: boolean): [Cut, Cut] | null {
  const left = (pad: string, cut: Cut) => (cut === 'nothing' || (cut === 'newlines' && pad === PADS[0]) ? pad : '');
  for (const before of hasBefore ? CUTS : (['blanks'] as const))
    for (const behind of hasBehind ? CUTS : (['blanks'] as const))
      if (PADS.every((pad, index) => padded[index] === left(pad, before) + plain + left(pad, behind)))
        return [before, behind];
  return null;
}

const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
