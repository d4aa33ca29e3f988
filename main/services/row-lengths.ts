import { closeSync, openSync, readSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Segment, StartTokenizer } from '../datasets/index.ts';

const INDEX_ENTRY_BYTES = 32;

/** Places tried in a text at once to find where it is cut. */
const TRIES = 48;

/** A row to be counted; plain text becomes several where it is too long for one. */
export interface CountedRow {
  segments: Segment[];
  isText: boolean;
}

/**
 * Counts the tokens of rows with a tokenize job.
 * @returns for each row, in their order, its tokens and how many rows it becomes
 * @throws the trainer's error
 */
export async function countTokens(
  rows: readonly CountedRow[],
  startTokenizer: StartTokenizer,
  signal?: AbortSignal,
): Promise<{ tokens: number; rows: number }[]> {
  if (rows.length === 0) return [];
  const dir = await mkdtemp(join(tmpdir(), 'forja-count-'));
  try {
    const path = join(dir, 'rows.fjt');
    const tokenizer = startTokenizer(path);
    const stop = () => tokenizer.kill();
    signal?.addEventListener('abort', stop, { once: true });
    tokenizer.stdin.on('error', () => undefined);
    for (const [row, { segments, isText }] of rows.entries())
      tokenizer.stdin.write(`${JSON.stringify({ row, segments, windows: isText ? 1 : 0 })}\n`);
    tokenizer.stdin.end();
    await tokenizer.result.finally(() => signal?.removeEventListener('abort', stop));
    const counts = rows.map(() => ({ tokens: 0, rows: 0 }));
    for (const { source_row, n_tokens } of readTokenIndex(path)) {
      const count = counts[source_row]!;
      count.tokens += n_tokens;
      count.rows += 1;
    }
    return counts;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The index of a token file: see native/src/data/token-file.hpp. */
export function readTokenIndex(path: string): { source_row: number; n_tokens: number }[] {
  const file = openSync(path, 'r');
  try {
    const header = Buffer.alloc(64);
    readSync(file, header, 0, 64, 0);
    const n_rows = Number(header.readBigUInt64LE(8));
    const index = Buffer.alloc(n_rows * INDEX_ENTRY_BYTES);
    readSync(file, index, 0, index.length, Number(header.readBigUInt64LE(32)));
    return Array.from({ length: n_rows }, (_, at) => ({
      n_tokens: index.readUInt32LE(at * INDEX_ENTRY_BYTES + 8),
      source_row: Number(index.readBigUInt64LE(at * INDEX_ENTRY_BYTES + 16)),
    }));
  } finally {
    closeSync(file);
  }
}

/**
 * Where each of some long rows is cut: the characters of its text that lie within max_seq_len tokens. Beginnings of the text
 * are counted, many at once, and then more of them around the place.
 */
export async function findCuts(
  rows: readonly Segment[][],
  max_seq_len: number,
  count: (rows: Segment[][]) => Promise<number[]>,
): Promise<number[]> {
  const ranges = rows.map((segments) => ({ from: 0, to: charsOf(segments) }));
  for (;;) {
    const tries: { row: number; chars: number }[] = [];
    for (const [row, { from, to }] of ranges.entries()) {
      const step = Math.max(1, (to - from) / (TRIES + 1));
      let last = from;
      for (let at = from + step; at < to; at += step) {
        const chars = Math.round(at);
        if (chars > last && chars < to) tries.push({ row, chars });
        last = chars;
      }
    }
    if (tries.length === 0) return ranges.map(({ from }) => from);
    const counts = await count(tries.map(({ row, chars }) => beginning(rows[row]!, chars)));
    for (const [at, { row, chars }] of tries.entries()) {
      const range = ranges[row]!;
      if (counts[at]! <= max_seq_len) range.from = Math.max(range.from, chars);
      else range.to = Math.min(range.to, chars);
    }
    // A beginning may have more tokens than a longer one where a word is cut: the ranges still shrink.
    for (const range of ranges) range.to = Math.max(range.to, range.from);
  }
}

export function charsOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, [text]) => sum + text.length, 0);
}

/** The first characters of a row, never half of a surrogate pair. */
export function beginning(segments: readonly Segment[], chars: number): Segment[] {
  const out: Segment[] = [];
  let left = chars;
  for (const [text, ...kind] of segments) {
    if (left <= 0) break;
    const code = text.charCodeAt(left);
    const end = code >= 0xdc00 && code <= 0xdfff ? left - 1 : left;
    out.push([text.slice(0, end), ...kind]);
    left -= text.length;
  }
  return out;
}
