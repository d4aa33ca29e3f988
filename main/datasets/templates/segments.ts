import type { Segment } from '../types.ts';

/** One of these is in every mark of a control token (`<s>`, `<|end|>`, `[INST]`, `>>TITLE<<`, `<｜end▁of▁sentence｜>`). */
const MARK_SIGN = /[<>[\]|｜▁]/;

/** Whether a text could hold the mark of a control token, such as `<|end|>`. */
export function mayHoldMark(text: string): boolean {
  return MARK_SIGN.test(text);
}

/** Collects a row's pieces; neighbours of the same kind become one, and empty ones vanish. */
export class SegmentList {
  readonly segments: Segment[] = [];

  add(text: string, supervised: 0 | 1): void {
    if (text === '') return;
    const last = this.segments[this.segments.length - 1];
    if (last !== undefined && last[1] === supervised && last[2] === undefined) last[0] += text;
    else this.segments.push([text, supervised]);
  }

  /** What a person wrote: marks of control tokens in it are only text. Blank ends, which templates trim, are as any text. */
  addLiteral(text: string, supervised: 0 | 1): void {
    const { start, end } = bodyOf(text);
    if (start === end || !mayHoldMark(text)) {
      this.add(text, supervised);
      return;
    }
    this.add(text.slice(0, start), supervised);
    this.segments.push([text.slice(start, end), supervised, 1]);
    this.add(text.slice(end), supervised);
  }
}

/** An answer as its row has it, without what the template puts around it. */
export function learnedText(text: string): Segment[] {
  const list = new SegmentList();
  list.addLiteral(text, 1);
  return list.segments;
}

/** The same text with nothing marked literal. */
export function withoutLiteral(segments: Segment[]): Segment[] {
  const list = new SegmentList();
  for (const [text, supervised] of segments) list.add(text, supervised);
  return list.segments;
}

/** Where a text begins and ends but for blanks. */
export function bodyOf(text: string): { start: number; end: number } {
  const end = text.trimEnd().length;
  return { start: Math.min(text.length - text.trimStart().length, end), end };
}

export function commonPrefixLength(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let at = 0;
  while (at < end && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}

export function commonSuffixLength(a: string, b: string, most: number): number {
  const end = Math.min(a.length, b.length, most);
  let at = 0;
  while (at < end && a.charCodeAt(a.length - 1 - at) === b.charCodeAt(b.length - 1 - at)) at++;
  return at;
}
