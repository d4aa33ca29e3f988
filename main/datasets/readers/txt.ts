import type { ReadRow, RowBatch, RowIndex } from '../types.ts';
import { damagedRow, rowTooLong } from './json-row.ts';
import { growing, indexLines } from './line-index.ts';
import { LineSplitter, MAX_ROW_CHARS } from './line-splitter.ts';
import type { Source } from './source.ts';
import { Utf8Decoder } from './utf8-decoder.ts';

/** Whether a blank line sets rows apart. */
const hasBlocks = ({ head }: Source) => /\n[ \t]*\r?\n\s*\S/.test(head);

/**
 * Plain text: blocks set apart by blank lines are the rows; in a file that has no blank line in its first 64 KiB, each line
 * is a row. Rows come as `{ text }`.
 */
export async function* readTxt(source: Source): AsyncGenerator<RowBatch, void, undefined> {
  const decoder = new Utf8Decoder();
  const byBlock = hasBlocks(source);
  let rows: ReadRow[] = [];
  let block: string[] = [];
  let blockLine = 0;
  let blockChars = 0;

  const endBlock = () => {
    if (block.length === 0 && blockChars === 0) return;
    const text = block.join('\n');
    if (blockChars > MAX_ROW_CHARS) rows.push(rowTooLong(blockLine));
    else rows.push(decoder.isDamaged(text) ? damagedRow(blockLine) : { line: blockLine, value: { text } });
    block = [];
    blockChars = 0;
  };
  const splitter = new LineSplitter(decoder, (line, text) => {
    if (text !== null && text.trim() === '') {
      endBlock();
      return;
    }
    if (blockChars === 0) blockLine = line;
    blockChars += text === null ? MAX_ROW_CHARS + 1 : text.length + 1;
    if (blockChars <= MAX_ROW_CHARS) block.push(text!);
    else block = [];
    if (!byBlock) endBlock();
  });

  let bytes_read = 0;
  for await (const chunk of source.chunks()) {
    bytes_read += chunk.length;
    splitter.push(chunk);
    yield { rows, bytes_read };
    rows = [];
  }
  splitter.flush();
  endBlock();
  yield { rows, bytes_read };
}

/** @param known where each line starts, when this is known @throws DatasetError dataset_unreadable */
export async function indexTxt(source: Source, known?: Float64Array): Promise<RowIndex> {
  const byBlock = hasBlocks(source);
  return await indexLines(source, known, (line, read) =>
    growing(line, read, (bytes, isAll) => {
      const decoder = new Utf8Decoder();
      const lines = decoder
        .decode(bytes)
        .split('\n')
        .map((text) => text.replace(/\r$/, ''));
      // The bytes end with a line end, but at the end of a file without one.
      if (lines.at(-1) === '') lines.pop();
      const blank = byBlock ? lines.findIndex((text) => text.trim() === '') : 1;
      if (blank < 0 && !isAll) return null;
      const text = lines.slice(0, blank < 0 ? lines.length : blank).join('\n');
      return decoder.isDamaged(text) ? damagedRow(line) : { line, value: { text } };
    }),
  );
}
