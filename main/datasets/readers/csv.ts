import Papa from 'papaparse';
import type { ReadRow, RowBatch, RowIndex } from '../types.ts';
import { damagedRow, rowTooLong } from './json-row.ts';
import { growing, indexLines } from './line-index.ts';
import { MAX_ROW_CHARS } from './line-splitter.ts';
import type { Source } from './source.ts';
import { Utf8Decoder } from './utf8-decoder.ts';

const DELIMITERS = [',', ';', '\t', '|'];

/** Rows that the delimiter is found from. */
const TRIED_ROWS = 20;

/**
 * The delimiter that cuts the first line into names and most of the next rows into as many fields; of those that do alike the one
 * that is named first. A comma when none does.
 */
export function findDelimiter(head: string): string {
  const scores = DELIMITERS.map((delimiter) => ({ delimiter, score: regularity(head, delimiter) }));
  const best = scores.reduce((a, b) => (b.score > a.score ? b : a));
  return best.score > 0 ? best.delimiter : ',';
}

/** The share of rows that have as many fields as the first has names; 0 where that has one. */
function regularity(head: string, delimiter: string): number {
  // A quoted field may hold line ends and any delimiter, so lines can't be counted by themselves.
  const { data } = Papa.parse<string[]>(head, { delimiter, newline: '\n', preview: TRIED_ROWS + 1 });
  const [names = [], ...rows] = data;
  const isNamed = names.length > 1 && names.every((name) => name.trim() !== '' || name === names.at(-1));
  if (!isNamed) return 0;
  // The last row may be cut by the end of the head.
  const whole = (rows.length > 1 ? rows.slice(0, -1) : rows).filter(
    (fields) => fields.length > 1 || fields[0]?.trim() !== '',
  );
  return whole.length === 0 ? 0.5 : whole.filter(({ length }) => length === names.length).length / whole.length;
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

/** @param known where each line starts, when this is known @throws DatasetError dataset_unreadable */
export async function indexCsv(source: Source, delimiter: string, known?: Float64Array): Promise<RowIndex> {
  const header = await readHeader(source, delimiter);
  return await indexLines(source, known, (line, read) =>
    growing(line, read, (bytes, isAll) => {
      const decoder = new Utf8Decoder();
      const parser = new Papa.Parser({ ...QUOTED, delimiter, preview: 1 });
      const { data, errors } = parser.parse(decoder.decode(bytes), 0, false) as Papa.ParseResult<string[]>;
      // A quoted field goes on in the next lines.
      if (errors.length > 0 && !isAll) return null;
      return rowOf(line, withoutCr(data[0]!), header, decoder);
    }),
  );
}

async function readHeader(source: Source, delimiter: string): Promise<string[]> {
  const decoder = new Utf8Decoder();
  const table = new CsvTable(delimiter, decoder);
  for await (const chunk of source.chunks()) {
    table.push(decoder.push(chunk), false);
    if (table.header !== null) return table.header;
  }
  table.push(decoder.flush(), true);
  return table.header ?? [];
}

const QUOTED = { newline: '\n', quoteChar: '"', escapeChar: '"' } as const;

/** Window in which parsing goes on after a broken row, in characters; doubled while nothing else is broken. */
const CAUTIOUS_WINDOW = 8 * 1024;

/** Feeds papaparse piece by piece; its own stream gives no line numbers and costs an event a row. */
class CsvTable {
  private rest = '';
  private line = 1;
  /** The names of the columns, once the first row was read. */
  header: string[] | null = null;
  private readonly parser: {
    parse: (input: string, baseIndex: number, ignoreLastRow: boolean) => Papa.ParseResult<string[]>;
  };
  private readonly decoder: Utf8Decoder;

  constructor(delimiter: string, decoder: Utf8Decoder) {
    this.parser = new Papa.Parser({ ...QUOTED, delimiter });
    this.decoder = decoder;
  }

  /** The rows that this piece completes. After a broken row, reading goes on at the line after the one that broke it. */
  push(text: string, isLast: boolean): ReadRow[] {
    const rows: ReadRow[] = [];
    const input = this.rest + text;
    // Whole lines only: a quotation mark at the very end of a piece can't be judged.
    const end = isLast ? input.length : input.lastIndexOf('\n') + 1;
    let at = 0;
    let window = end;
    while (at < end) {
      const pieceEnd = at + window >= end ? end : wholeLines(input, at, at + window, end);
      const isFinal = isLast && pieceEnd === input.length;
      const piece = input.slice(at, pieceEnd);
      const part = this.parser.parse(piece, 0, !isFinal);
      const error = part.errors[0];
      if (error !== undefined) {
        at += this.takeBroken(part.data, error, piece, rows);
        window = CAUTIOUS_WINDOW;
        continue;
      }
      this.take(part.data, rows);
      at += isFinal ? piece.length : part.meta.cursor;
      if (pieceEnd === end) break;
      window *= 2;
    }
    this.rest = input.slice(at);
    if (this.rest.length > MAX_ROW_CHARS) {
      rows.push(rowTooLong(this.line));
      const lineEnd = this.rest.indexOf('\n');
      this.line += 1;
      this.rest = lineEnd < 0 ? '' : this.rest.slice(lineEnd + 1);
    }
    return rows;
  }

  /** Takes the rows before a broken one and refuses that; returns where the line after the break starts in the piece. */
  private takeBroken(data: string[][], error: Papa.ParseError, piece: string, rows: ReadRow[]): number {
    const { row = 0, index = 0, message } = error;
    const firstLine = this.line;
    this.take(data.slice(0, row), rows);
    rows.push({ line: this.line, refusal: { code: 'invalid_csv', message: `Not valid CSV: ${message}.` } });
    const lineEnd = piece.indexOf('\n', index);
    const end = lineEnd < 0 ? piece.length : lineEnd + 1;
    this.line = firstLine + countLineEnds([piece.slice(0, end)]);
    return end;
  }

  private take(data: string[][], rows: ReadRow[]): void {
    for (const fields of data) {
      const line = this.line;
      this.line += 1 + countLineEnds(fields);
      withoutCr(fields);
      if (fields.length === 1 && fields[0]!.trim() === '') continue;
      if (this.header === null) this.header = fields.map((name) => name.trim());
      else rows.push(rowOf(line, fields, this.header, this.decoder));
    }
  }
}

/** The fields of a line that may end with \r\n; changed in place. */
function withoutCr(fields: string[]): string[] {
  const last = fields.length - 1;
  if (fields[last]!.endsWith('\r')) fields[last] = fields[last]!.slice(0, -1);
  return fields;
}

function rowOf(line: number, fields: string[], header: string[], decoder: Utf8Decoder): ReadRow {
  if (fields.length > header.length) {
    return {
      line,
      refusal: {
        code: 'invalid_csv',
        message: `Has ${fields.length} fields where the first line names ${header.length} columns.`,
        details: { fields: fields.length, columns: header.length },
      },
    };
  }
  const value: Record<string, unknown> = {};
  for (let column = 0; column < fields.length; column++) {
    const field = fields[column]!;
    if (decoder.isDamaged(field)) return damagedRow(line);
    value[header[column]!] = field;
  }
  return { line, value };
}

/** The end of the last whole line that starts at `at` or later and ends by `to`, or of the first one if none does. */
function wholeLines(input: string, at: number, to: number, end: number): number {
  const last = input.lastIndexOf('\n', to - 1) + 1;
  if (last > at) return last;
  const next = input.indexOf('\n', to);
  return next < 0 ? end : next + 1;
}

function countLineEnds(fields: string[]): number {
  let count = 0;
  for (const field of fields) {
    for (let at = field.indexOf('\n'); at >= 0; at = field.indexOf('\n', at + 1)) count++;
  }
  return count;
}
