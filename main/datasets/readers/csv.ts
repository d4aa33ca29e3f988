import Papa from 'papaparse';
import type { ReadRow, RowBatch } from '../types.ts';
import { damagedRow, rowTooLong } from './json-row.ts';
import { MAX_ROW_CHARS } from './line-splitter.ts';
import type { Source } from './source.ts';
import { Utf8Decoder } from './utf8-decoder.ts';

const DELIMITERS = [',', ';', '\t', '|'];

/** The delimiter that gives the most regular columns in the beginning of a file; a comma when none does. */
export function findDelimiter(head: string): string {
  const lastLineEnd = head.lastIndexOf('\n');
  const whole = lastLineEnd > 0 ? head.slice(0, lastLineEnd) : head;
  const { meta } = Papa.parse<string[]>(whole, { preview: 20, delimitersToGuess: DELIMITERS });
  return DELIMITERS.includes(meta.delimiter) ? meta.delimiter : ',';
}

/** CSV whose first row names the columns. Quoted fields may hold delimiters, quotes ("") and line ends. */
export async function* readCsv(source: Source, delimiter: string): AsyncGenerator<RowBatch, void, undefined> {
  const decoder = new Utf8Decoder();
  const table = new CsvTable(delimiter, decoder);
  let bytes_read = 0;
  for await (const chunk of source.chunks()) {
    bytes_read += chunk.length;
    yield { rows: table.push(decoder.push(chunk), false), bytes_read };
  }
  yield { rows: table.push(decoder.flush(), true), bytes_read };
}

interface ParsedPart {
  data: string[][];
  errors: { row?: number; message: string }[];
  meta: { cursor: number };
}

/** Feeds papaparse piece by piece; its own stream gives no line numbers and costs an event a row. */
class CsvTable {
  private rest = '';
  private line = 1;
  private header: string[] | null = null;
  private readonly parser: { parse(input: string, baseIndex: number, ignoreLastRow: boolean): ParsedPart };
  private readonly decoder: Utf8Decoder;

  constructor(delimiter: string, decoder: Utf8Decoder) {
    this.parser = new Papa.Parser({
      delimiter,
      newline: '\n',
      quoteChar: '"',
      escapeChar: '"',
    }) as unknown as CsvTable['parser'];
    this.decoder = decoder;
  }

  push(text: string, isLast: boolean): ReadRow[] {
    const rows: ReadRow[] = [];
    let input = this.rest + text;
    if (isLast && input === '') return rows;
    const part = this.parser.parse(input, 0, !isLast);
    this.take(part, rows);
    input = isLast ? '' : input.slice(part.meta.cursor);
    if (input.length > MAX_ROW_CHARS) {
      // A quotation mark that is never closed swallows everything: give up this line only.
      const lineEnd = input.indexOf('\n');
      rows.push(rowTooLong(this.line));
      this.line += 1;
      input = lineEnd < 0 ? '' : input.slice(lineEnd + 1);
    }
    this.rest = input;
    return rows;
  }

  private take(part: ParsedPart, rows: ReadRow[]): void {
    const broken = new Map<number, string>();
    for (const error of part.errors) if (error.row !== undefined) broken.set(error.row, error.message);
    for (let index = 0; index < part.data.length; index++) {
      const fields = part.data[index]!;
      const line = this.line;
      this.line += 1 + countLineEnds(fields);
      const last = fields.length - 1;
      if (fields[last]!.endsWith('\r')) fields[last] = fields[last]!.slice(0, -1);
      if (fields.length === 1 && fields[0]!.trim() === '') continue;
      if (this.header === null) {
        this.header = fields.map((name) => name.trim());
        continue;
      }
      rows.push(this.toRow(line, fields, this.header, broken.get(index)));
    }
  }

  private toRow(line: number, fields: string[], header: string[], problem: string | undefined): ReadRow {
    if (problem !== undefined) return { line, refusal: { code: 'invalid_csv', message: `Not valid CSV: ${problem}.` } };
    if (fields.length > header.length) {
      return {
        line,
        refusal: {
          code: 'invalid_csv',
          message: `Has ${fields.length} fields where the first line names ${header.length} columns.`,
        },
      };
    }
    const value: Record<string, unknown> = {};
    for (let column = 0; column < fields.length; column++) {
      const field = fields[column]!;
      if (this.decoder.isDamaged(field)) return damagedRow(line);
      value[header[column]!] = field;
    }
    return { line, value };
  }
}

function countLineEnds(fields: string[]): number {
  let count = 0;
  for (const field of fields) {
    for (let at = field.indexOf('\n'); at >= 0; at = field.indexOf('\n', at + 1)) count++;
  }
  return count;
}
