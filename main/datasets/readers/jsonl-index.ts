import { open } from 'node:fs/promises';
import type { ReadRow, RowIndex } from '../types.ts';
import { parseJsonRow, rowTooLong } from './json-row.ts';
import { MAX_ROW_CHARS } from './line-splitter.ts';
import { readError, type Source } from './source.ts';
import { Utf8Decoder } from './utf8-decoder.ts';

const LINE_END = 10;
/** Rows that are read at once. */
const BATCH_ROWS = 256;

/**
 * Finds the lines of a JSONL file without looking at what they hold. Memory: 8 bytes a line.
 * @param known where each line starts, when this is known
 * @throws DatasetError dataset_unreadable
 */
export async function indexJsonl(source: Source, known?: Float64Array): Promise<RowIndex> {
  const starts = known ?? (await lineStarts(source));
  return { starts, read: (lines) => readLines(source, starts, lines) };
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

async function* readLines(
  { path }: Source,
  starts: Float64Array,
  lines: Iterable<number>,
): AsyncGenerator<ReadRow[], void, undefined> {
  const file = await open(path).catch((error: unknown) => {
    throw readError(path, error);
  });
  try {
    let rows: ReadRow[] = [];
    for (const line of lines) {
      const start = starts[line - 1]!;
      const length = starts[line]! - start;
      // A character has at most three bytes for each of its UTF-16 halves.
      if (length > 3 * MAX_ROW_CHARS) {
        rows.push(rowTooLong(line));
      } else {
        const { buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, start);
        const decoder = new Utf8Decoder();
        const text = decoder.decode(buffer).replace(/\r?\n$/, '');
        if (text.length > MAX_ROW_CHARS) rows.push(rowTooLong(line));
        else if (text.trim() !== '') rows.push(parseJsonRow(line, text, decoder));
      }
      if (rows.length < BATCH_ROWS) continue;
      yield rows;
      rows = [];
    }
    yield rows;
  } finally {
    await file.close();
  }
}
