import type { Segment } from '../types.ts';

/** Collects a row's pieces; neighbours of the same kind become one, and empty ones vanish. */
export class SegmentList {
  readonly segments: Segment[] = [];

  add(text: string, supervised: 0 | 1): void {
    if (text === '') return;
    const last = this.segments[this.segments.length - 1];
    if (last !== undefined && last[1] === supervised) last[0] += text;
    else this.segments.push([text, supervised]);
  }
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
