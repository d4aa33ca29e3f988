import { RowError } from '../errors.ts';
import type { ChatMessage, Segment } from '../types.ts';
import type { JinjaTemplate } from './jinja.ts';
import { bodyOf, commonPrefixLength, commonSuffixLength, mayHoldMark, SegmentList } from './segments.ts';

/** Stands for a message while the template is being looked at; no text holds these private-use characters. */
export const SENTINEL = '\uE000\uE001';

/** What surrounds an answer in a template's rendering of a single turn. */
export interface AnswerFrame {
  /** Between the generation prompt and the answer, e.g. a space (Mistral) or an empty think block (Qwen 3). */
  lead: string;
  /** The end-of-turn marker behind the answer, e.g. `<|im_end|>`; empty when the template has none. */
  marker: string;
  /** What follows the marker; not learned, because generation has ended there. */
  tail: string;
  /** The generation prompt is no beginning of the row with its answer: it opens a thought that rows don't have. */
  opensThought: boolean;
}

/** Finds the frame by rendering one turn; null when a message is not shown. @throws RowError template_refused */
export function findFrame(template: JinjaTemplate): AnswerFrame | null {
  const user: ChatMessage = { role: 'user', content: `${SENTINEL}u` };
  const answer: ChatMessage = { role: 'assistant', content: `${SENTINEL}a` };
  const prompt = template.render([user], true);
  const full = template.render([user, answer], false);
  const at = full.indexOf(answer.content);
  if (at < 0 || !full.includes(user.content)) return null;
  const suffix = full.slice(at + answer.content.length);
  const isBeginning = full.startsWith(prompt) && prompt.length <= at;
  const marker = firstMark(suffix);
  return {
    lead: isBeginning ? full.slice(prompt.length, at) : '',
    marker,
    tail: suffix.slice(marker.length),
    opensThought: !isBeginning,
  };
}

/** The end-of-turn marker in what follows an answer: `<|end|>` of `<|end|>\n</s>`, since generation ends there. */
function firstMark(suffix: string): string {
  return /^\s*[<[]\S*/.exec(suffix)?.[0] ?? suffix.trimEnd();
}

/**
 * A conversation as segments, each answer with its end-of-turn marker supervised.
 *
 * The answer of turn k is what comes after rendering the turns before it with the generation prompt, up to the end of
 * rendering the turns through it. That holds where each of these is a beginning of the whole (nearly all templates); where
 * a template changes earlier turns in the light of later ones, the answers are found by what moves when they do.
 *
 * @param eos appended to the last answer of a template that has no end-of-turn marker
 * @throws RowError template_refused
 */
export function exactSegments(
  template: JinjaTemplate,
  frame: AnswerFrame,
  messages: ChatMessage[],
  eos: string,
): Segment[] {
  const full = template.render(messages, false);
  const spans = incrementalSpans(template, frame, messages, full) ?? differentialSpans(template, frame, messages, full);
  const list = new SegmentList();
  const written = writtenRanges(template, messages, full, false);
  let end = 0;
  for (const span of spans) {
    addStretch(list, full, written, end, span.start, 0);
    addStretch(list, full, written, span.start, span.end, span.supervised);
    end = span.end;
  }
  const last = messages[messages.length - 1];
  if (frame.marker === '' && last?.role === 'assistant') list.add(eos, last.supervised === false ? 0 : 1);
  addStretch(list, full, written, end, full.length, 0);
  return list.segments;
}

/** A conversation and the template's generation prompt, to be answered. @throws RowError template_refused */
export function promptSegments(template: JinjaTemplate, messages: ChatMessage[]): Segment[] {
  const full = template.render(messages, true);
  const list = new SegmentList();
  addStretch(list, full, writtenRanges(template, messages, full, true), 0, full.length, 0);
  return list.segments;
}

interface Range {
  start: number;
  end: number;
}

/** Adds a part of a rendering, what a person wrote in it as literal. */
function addStretch(
  list: SegmentList,
  full: string,
  written: readonly Range[],
  from: number,
  to: number,
  supervised: 0 | 1,
): void {
  let at = from;
  for (const { start, end } of written) {
    if (end <= at || start >= to) continue;
    list.add(full.slice(at, Math.max(at, start)), supervised);
    list.addLiteral(full.slice(Math.max(at, start), Math.min(end, to)), supervised);
    at = Math.min(end, to);
  }
  list.add(full.slice(at, to), supervised);
}

/** Private-use characters that are put around what a person wrote, to find it again in what the template made of it. */
const OPEN = '\uE003';
const CLOSE = '\uE004';

/** A text with signs around it, inside of its blanks; itself where it can hold no mark. */
function sign(text: string): string {
  const { start, end } = bodyOf(text);
  if (start === end || !mayHoldMark(text)) return text;
  return text.slice(0, start) + OPEN + text.slice(start, end) + CLOSE + text.slice(end);
}

/**
 * Where in a rendering the messages are that could hold a control token's mark: they are rendered once more with signs around
 * them. None where the template prints something else then; so no text of the template's own is ever taken for a person's.
 */
function writtenRanges(
  template: JinjaTemplate,
  messages: ChatMessage[],
  full: string,
  add_generation_prompt: boolean,
): Range[] {
  const mayHold = messages.some(({ content, reasoning = '' }) => mayHoldMark(content) || mayHoldMark(reasoning));
  if (!mayHold || full.includes(OPEN) || full.includes(CLOSE)) return [];
  const signed = messages.map((message) => {
    const { content, reasoning } = message;
    const signedMessage = { ...message, content: sign(content) };
    if (reasoning !== undefined) signedMessage.reasoning = sign(reasoning);
    return signedMessage;
  });
  const [head = '', ...pieces] = tryRender(template, signed, add_generation_prompt)?.split(OPEN) ?? [];
  const ranges: Range[] = [];
  let plain = head;
  for (const piece of pieces) {
    const [inside = '', after, ...more] = piece.split(CLOSE);
    if (after === undefined || more.length > 0) return [];
    ranges.push({ start: plain.length, end: plain.length + inside.length });
    plain += inside + after;
  }
  // A template that cuts a message up may print one sign without the other: then this differs too.
  return plain === full ? ranges : [];
}

/** The text before an answer as rows have it, for a template whose generation prompt has more. */
export function promptAsTrained(template: JinjaTemplate, frame: AnswerFrame, messages: ChatMessage[]): Segment[] {
  const answered: ChatMessage[] = [...messages, { role: 'assistant', content: `${SENTINEL}a` }];
  const segments = exactSegments(template, frame, answered, '');
  const last = segments.findLastIndex(([, supervised]) => supervised === 1);
  return segments.slice(0, last);
}

interface Span extends Range {
  supervised: 0 | 1;
}

function incrementalSpans(
  template: JinjaTemplate,
  frame: AnswerFrame,
  messages: ChatMessage[],
  full: string,
): Span[] | null {
  const spans: Span[] = [];
  for (let k = 0; k < messages.length; k++) {
    const message = messages[k]!;
    if (message.role !== 'assistant') continue;
    const before = tryRender(template, messages.slice(0, k), true);
    const through = k === messages.length - 1 ? full : tryRender(template, messages.slice(0, k + 1), false);
    if (before === null || through === null || !through.startsWith(before) || !full.startsWith(through)) return null;
    const tail = through.endsWith(frame.marker + frame.tail) ? frame.tail.length : 0;
    const end = through.length - tail;
    if (end < before.length || before.length < (spans.at(-1)?.end ?? 0)) return null;
    spans.push({ start: before.length, end, supervised: message.supervised === false ? 0 : 1 });
  }
  return spans;
}

/** The place of each answer is where the rendering changes when only that answer changes. */
function differentialSpans(template: JinjaTemplate, frame: AnswerFrame, messages: ChatMessage[], full: string): Span[] {
  const spans: Span[] = [];
  for (let k = 0; k < messages.length; k++) {
    const message = messages[k]!;
    if (message.role !== 'assistant') continue;
    const changed = messages.slice();
    // U+E002 occurs in no other stand-in, so that no part of an answer is taken for unchanged.
    changed[k] = { role: 'assistant', content: '\uE002' };
    const other = template.render(changed, false);
    let start = commonPrefixLength(full, other);
    let end = full.length - commonSuffixLength(full, other, Math.min(full.length, other.length) - start);
    const previousEnd = spans.at(-1)?.end ?? 0;
    if (start < previousEnd)
      throw new RowError('template_refused', "The model's chat template does not show the answers in their order.");
    start = extendStart(template, frame, messages.slice(0, k), full, start, previousEnd);
    end += markAt(full, end, frame).length;
    spans.push({ start, end, supervised: message.supervised === false ? 0 : 1 });
  }
  return spans;
}

/** A special token in the style of `<|end|>`. */
const SPECIAL_TOKEN = /\s*<[|｜][^<>\s]*[|｜]>/y;

/** The end-of-turn marker at a place. Answers before the last may have another than that: then it is the next special token. */
function markAt(full: string, at: number, { marker }: AnswerFrame): string {
  if (marker !== '' && full.startsWith(marker, at)) return marker;
  SPECIAL_TOKEN.lastIndex = at;
  return SPECIAL_TOKEN.exec(full)?.[0] ?? '';
}

/** Moves an answer's start back to where generation would begin. */
function extendStart(
  template: JinjaTemplate,
  frame: AnswerFrame,
  before: ChatMessage[],
  full: string,
  start: number,
  previousEnd: number,
): number {
  const prompt = tryRender(template, before, true);
  const withoutPrompt = tryRender(template, before, false);
  if (
    prompt !== null &&
    withoutPrompt !== null &&
    prompt.startsWith(withoutPrompt) &&
    prompt.length > withoutPrompt.length
  ) {
    const generation = prompt.slice(withoutPrompt.length);
    const at = full.lastIndexOf(generation, start - generation.length);
    return at >= previousEnd ? at + generation.length : start;
  }
  const lead = start - frame.lead.length;
  return lead >= previousEnd && full.startsWith(frame.lead, lead) ? lead : start;
}

function tryRender(template: JinjaTemplate, messages: ChatMessage[], add_generation_prompt: boolean): string | null {
  try {
    return template.render(messages, add_generation_prompt);
  } catch (error) {
    if (error instanceof RowError) return null;
    throw error;
  }
}
