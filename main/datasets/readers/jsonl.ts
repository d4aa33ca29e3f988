import type { ReadRow, RowBatch, RowIndex } from '../types.ts';
import { parseJsonRow, rowTooLong } from './json-row.ts';
import { indexLines } from './line-index.ts';
import { LineSplitter, MAX_ROW_CHARS } from './line-splitter.ts';
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

/** @param known where each line starts, when this is known @throws DatasetError dataset_unreadable */
export async function indexJsonl(source: Source, known?: Float64Array): Promise<RowIndex> {
  return await indexLines(source, known, async (line, read) => {
    const bytes = await read(line, 1);
    if (bytes === null) return rowTooLong(line);
    const decoder = new Utf8Decoder();
    const text = decoder.decode(bytes).replace(/\r?\n$/, '');
    if (text.length > MAX_ROW_CHARS) return rowTooLong(line);
    return text.trim() === '' ? null : parseJsonRow(line, text, decoder);
  });
}
