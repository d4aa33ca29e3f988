/** The prompt that a model was trained with, as a template for Ollama. */
import { textOn } from './dates.ts';
import { joined, ollamaPrompt } from './prompt.ts';
import { SHAPES } from './shapes.ts';
import { learnTurns, PROBE_DAY, type Message, type TurnRenderer, type Turns } from './turns.ts';

export { textOn } from './dates.ts';
export { goTemplate } from './go-template.ts';
export { joined, ollamaPrompt, type Part } from './prompt.ts';
export { SHAPES, type Shape } from './shapes.ts';
export { withSystem } from './with-system.ts';
export type { Message, TurnRenderer, Turns } from './turns.ts';

/** What is put in a Modelfile for a prompt template, or why there is none. */
export type OllamaTemplate =
  | {
      turns: Turns;
      /** What ends an answer; null where nothing does. */
      stop: string | null;
      /** The trained prompt keeps messages of one role apart, which Ollama joins before any template sees them. */
      joins_messages: boolean;
    }
  | {
      turns: null;
      reason: NoTemplate;
      /** The conversation that comes out differently, in words; null where there are no turns to try. */
      shape: string | null;
    };

/** The text between turns is not always the same; or a conversation comes out differently. */
export type NoTemplate = 'turns_vary' | 'shape_differs';

export interface TrainedPrompt {
  /** Opens the prompt template as it is on a day. */
  open: (date: Date) => TurnRenderer;
  bos_token: string | null;
  /** The vocabulary puts BOS first by itself: so Ollama does, whatever the text begins with. */
  adds_bos: boolean;
}

/** A day that differs from the one that a template is learned on in all of its parts. */
const OTHER_DAY = new Date(2032, 1, 4, 12);

/**
 * Takes the prompt of training apart, and tries what Ollama would make of it on conversations of every shape: turns are given only
 * where each has the text that was trained.
 */
export function ollamaTemplate(trained: TrainedPrompt): OllamaTemplate {
  const turns = learnTurns(trainedText(trained, PROBE_DAY));
  if (turns === null) return { turns: null, reason: 'turns_vary', shape: null };
  const prompt = trainedText(trained, OTHER_DAY);
  let joins_messages = false;
  for (const { name, messages } of SHAPES) {
    const expected = prompt(joined(messages));
    // Rows of such a shape can't have been trained.
    if (expected === null) continue;
    if (ollamaText(turns, messages, OTHER_DAY) !== expected)
      return { turns: null, reason: 'shape_differs', shape: name };
    const apart = prompt(messages);
    joins_messages ||= apart !== null && apart !== expected;
  }
  return { turns, stop: endOfAnswer(trained.open(OTHER_DAY)), joins_messages };
}

/** What Ollama sends for a conversation, BOS apart. */
export function ollamaText(turns: Turns, messages: readonly Message[], day: Date): string {
  const parts = ollamaPrompt(turns, messages);
  return parts.map((part) => ('message' in part ? part.message : textOn(part.fixed, day))).join('');
}

/** The prompt of training on a day, without the BOS that Ollama puts there; null where the template refuses the conversation. */
export function trainedText({ open, bos_token, adds_bos }: TrainedPrompt, day: Date) {
  const template = open(day);
  const bos = adds_bos ? (bos_token ?? '') : '';
  return (messages: readonly Message[]): string | null => {
    try {
      const pieces = template.renderPrompt([...messages]);
      const text = pieces.map(([piece]) => piece).join('');
      return bos !== '' && text.startsWith(bos) ? text.slice(bos.length) : text;
    } catch {
      return null;
    }
  };
}

/** The end-of-turn marker: what is learned behind an answer. */
function endOfAnswer(template: TurnRenderer): string | null {
  const answer = '\u{e000}answer\u{e001}';
  try {
    const row = template.renderRow({
      kind: 'chat',
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: answer },
      ],
    });
    const learned = row.flatMap(([text, supervised]) => (supervised === 1 ? [text] : [])).join('');
    return learned.split(answer)[1]?.trim() || null;
  } catch {
    return null;
  }
}
