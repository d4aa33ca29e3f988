import type { DatedText } from './dates.ts';
import type { Before, Cut, Message, Role, Step, Turns } from './turns.ts';

/** A part of a prompt: text of the template's, or a message's. */
export type Part = { fixed: DatedText } | { message: string };

/** Messages as Ollama hands them to a template: those of one role that follow each other are one, with an empty line between. */
export function joined(messages: readonly Message[]): Message[] {
  const out: Message[] = [];
  for (const { role, content } of messages) {
    const last = out.at(-1);
    if (last?.role === role) last.content += `\n\n${content}`;
    else out.push({ role, content });
  }
  return out;
}

/** The step that is taken where a template was never seen with two roles behind each other: it refuses that. */
const USUAL = { system: '>system', user: 'assistant>user', assistant: 'user>assistant' } as const;

/** The step from one message to the next. */
export function stepOf(turns: Turns, before: Before, role: Role): Step | undefined {
  return turns.steps[`${before}>${role}`] ?? turns.steps[USUAL[role]] ?? turns.steps['>user'];
}

/** What Ollama makes of a conversation with the template that `goTemplate` writes. */
export function ollamaPrompt(turns: Turns, messages: readonly Message[]): Part[] {
  const shown = joined(messages);
  const parts: Part[] = [];
  let before: Before = '';
  let late = turns.late_default ?? '';
  const say = ({ role, content }: Message) => {
    const step = stepOf(turns, before, role);
    if (step !== undefined) parts.push({ fixed: step.before }, { message: cut(content, step) });
    before = role;
  };
  for (const [index, message] of shown.entries()) {
    if (message.role === 'system' && message.content === '') {
      late = '';
      if (before === '') before = 'empty';
    } else if (message.role === 'system' && turns.late_system) late = message.content;
    else {
      if (late !== '' && index === shown.length - 1) say({ role: 'system', content: late });
      say(message);
    }
  }
  if (shown.at(-1)?.role === 'user') parts.push({ fixed: turns.generation });
  return parts;
}

/** White space as Python's `strip` and Jinja's `trim` take it, by the bytes of UTF-8. */
export const BLANKS: Record<1 | 2 | 3, string> = {
  1: '\t\n\v\f\r\x1c\x1d\x1e\x1f ',
  2: '\x85\xa0',
  3: '\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000',
};
const ALL_BLANKS = Object.values(BLANKS).join('');

/** What is shown of a message. */
export function cut(text: string, { cut_start, cut_end }: Step): string {
  const isCut = (what: Cut, at: number) =>
    at < text.length && what !== 'nothing' && (what === 'newlines' ? '\n' : ALL_BLANKS).includes(text[at]!);
  let from = 0;
  let to = text.length;
  while (isCut(cut_start, from)) from += 1;
  while (to > from && isCut(cut_end, to - 1)) to -= 1;
  return text.slice(from, to);
}
