import type { ReadRow, RowIndex } from '../types.ts';
import { rowTooLong } from './json-row.ts';
import { MAX_ROW_CHARS } from './line-splitter.ts';
import { readPlaces } from './read-places.ts';
import type { Source } from './source.ts';

const LINE_END = 10;
/** A character has at most three bytes for each of its UTF-16 halves: what has more bytes is too long in any case. */
const MAX_ROW_BYTES = 3 * MAX_ROW_CHARS;

/** The bytes of `count` lines from this one (1-based) on, line ends included; null where they are too long for a row. */
type ReadLines = (line: number, count: number) => Promise<Buffer | null>;

/** Makes the row that starts on a line; null where none does. */
type RowAtLine = (line: number, read: ReadLines) => Promise<ReadRow | null>;

/**
 * An index of rows that start on lines of their own: where each line starts, found without looking at what it holds.
 * Memory: 8 bytes a line.
 * @param known where each line starts, when this is known
 * @throws DatasetError dataset_unreadable
 */
export async function indexLines(source: Source, known: Float64Array | undefined, rowAt: RowAtLine): Promise<RowIndex> {
  const starts = known ?? (await lineStarts(source));
  return {
    starts,
    read: (lines) =>
      readPlaces(source, lines, async (line, bytesAt) => {
        const read: ReadLines = async (first, count) => {
          const start = starts[first - 1]!;
          const length = starts[Math.min(first - 1 + count, starts.length - 1)]! - start;
          return length > MAX_ROW_BYTES ? null : await bytesAt(start, length);
        };
        return await rowAt(line, read);
      }),
  };
}

/** Where each line starts in the file, and at last where the file ends. */
async function lineStarts(source: Source): Promise<Float64Array> {
  let starts = new Float64Array(1024);
  let count = 0;
  const add = (at: number) => {
    if (count === starts.length) {
      const grown = new Float64Array(starts.length * 2);
      grown.set(starts);
      starts = grown;
    }
    starts[count++] = at;
  };
  let offset = source.start_bytes;
  add(offset);
  for await (const chunk of source.chunks()) {
    for (let at = chunk.indexOf(LINE_END); at >= 0; at = chunk.indexOf(LINE_END, at + 1)) add(offset + at + 1);
    offset += chunk.length;
  }
  if (starts[count - 1] !== offset) add(offset);
  return starts.subarray(0, count);
}

/** Reads lines, twice as many each time, until `parse` finds a whole row in them. @param parse answers null to ask for more */
export async function growing(
  line: number,
  read: ReadLines,
  parse: (bytes: Buffer, isAll: boolean) => ReadRow | null,
): Promise<ReadRow> {
  let before = -1;
  for (let count = 1; ; count *= 2) {
    const bytes = await read(line, count);
    if (bytes === null) return rowTooLong(line);
    const row = parse(bytes, bytes.length === before);
    if (row !== null) return row;
    before = bytes.length;
  }
}
