import type { ReadRow, RowBatch } from '../types.ts';
import { parseJsonRow, rowTooLong } from './json-row.ts';
import { LineSplitter } from './line-splitter.ts';
import type { Source } from './source.ts';
import { Utf8Decoder } from './utf8-decoder.ts';

/** One JSON object a line; blank lines are passed over, and every other line is a row or is refused. */
export async function* readJsonl(source: Source): AsyncGenerator<RowBatch, void, undefined> {
  const decoder = new Utf8Decoder();
  let rows: ReadRow[] = [];
  const splitter = new LineSplitter(decoder, (line, text) => {
    if (text === null) rows.push(rowTooLong(line));
    else if (text.trim() !== '') rows.push(parseJsonRow(line, text, decoder));
  });
  let bytes_read = 0;
  for await (const chunk of source.chunks()) {
    bytes_read += chunk.length;
    splitter.push(chunk);
    yield { rows, bytes_read };
    rows = [];
  }
  splitter.flush();
  yield { rows, bytes_read };
}
