import type { ReadRow, RowBatch } from '../types.ts';
import { damagedRow, rowTooLong } from './json-row.ts';
import { LineSplitter, MAX_ROW_CHARS } from './line-splitter.ts';
import type { Source } from './source.ts';
import { Utf8Decoder } from './utf8-decoder.ts';

/**
 * Plain text: blocks set apart by blank lines are the rows; in a file that has no blank line in its first 64 KiB, each line
 * is a row. Rows come as `{ text }`.
 */
export async function* readTxt(source: Source): AsyncGenerator<RowBatch, void, undefined> {
  const decoder = new Utf8Decoder();
  const byBlock = /\n[ \t]*\r?\n\s*\S/.test(source.head);
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
