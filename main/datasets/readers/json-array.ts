import type { ReadRow, RowBatch } from '../types.ts';
import { parseJsonRow, rowTooLong } from './json-row.ts';
import { MAX_ROW_CHARS } from './line-splitter.ts';
import type { Source } from './source.ts';
import { Utf8Decoder } from './utf8-decoder.ts';

const QUOTE = 34;
const BACKSLASH = 92;
const NEWLINE = 10;

/**
 * One JSON array of objects, or an object with such an array in it (the first one is read). Only the elements' borders are found here (strings and the depth of brackets); each element
 * then goes to JSON.parse. Streaming JSON parsers stop for good at the first broken character, while this refuses the one
 * element with its line and goes on, at the speed of JSON.parse.
 */
export async function* readJsonArray(source: Source): AsyncGenerator<RowBatch, void, undefined> {
  const decoder = new Utf8Decoder();
  let rows: ReadRow[] = [];
  const splitter = new ElementSplitter(
    (line, text) => rows.push(text === null ? rowTooLong(line) : parseJsonRow(line, text, decoder)),
    (line, message) => rows.push({ line, refusal: { code: 'invalid_json', message } }),
  );
  let bytes_read = 0;
  for await (const chunk of source.chunks()) {
    bytes_read += chunk.length;
    splitter.push(decoder.push(chunk));
    yield { rows, bytes_read };
    rows = [];
  }
  splitter.push(decoder.flush());
  splitter.flush();
  yield { rows, bytes_read };
}

/** Finds the elements of a top-level array in text that comes in pieces. */
export class ElementSplitter {
  private line = 1;
  private depth = 0;
  private inString = false;
  private escaped = false;
  private closed = false;
  /** The array is a property of an object: what stands around it is passed over. */
  private inObject = false;
  /** Text of the element so far, from earlier chunks; null between elements. */
  private parts: string[] | null = null;
  private partChars = 0;
  private elementLine = 1;
  private readonly onElement: (line: number, text: string | null) => void;
  private readonly onError: (line: number, message: string) => void;

  constructor(
    onElement: (line: number, text: string | null) => void,
    onError: (line: number, message: string) => void,
  ) {
    this.onElement = onElement;
    this.onError = onError;
  }

  push(text: string): void {
    let start = 0;
    const end = text.length;
    for (let at = 0; at < end; at++) {
      if (this.inString) {
        at = this.skipString(text, at);
        continue;
      }
      const code = text.charCodeAt(at);
      if (code === NEWLINE) {
        this.line++;
        continue;
      }
      if (code === 32 || code === 13 || code === 9) continue;
      if (this.depth === 0) {
        this.outside(code);
        start = at + 1;
        continue;
      }
      if (this.depth === 1 && (code === 44 || code === 93)) {
        this.endElement(text.slice(start, at));
        if (code === 93) {
          this.depth = 0;
          this.closed = true;
        }
        start = at + 1;
        continue;
      }
      if (this.parts === null) {
        this.parts = [];
        this.elementLine = this.line;
        start = at;
      }
      if (code === QUOTE) this.inString = true;
      else if (code === 123 || code === 91) this.depth++;
      else if ((code === 125 || code === 93) && this.depth > 1) this.depth--;
    }
    if (this.parts !== null && start < end) this.keep(start === 0 ? text : text.slice(start));
  }

  flush(): void {
    if (this.parts !== null && this.depth === 1 && !this.inString) this.endElement('');
    if (this.parts !== null) {
      this.onError(this.elementLine, 'The file ends inside this row: a bracket or a quotation mark is never closed.');
      this.parts = null;
    } else if (!this.closed) {
      this.onError(this.line, 'The file ends before the array is closed with ].');
    }
  }

  private outside(code: number): void {
    if (code === 91 && !this.closed) {
      this.depth = 1;
    } else if (code === 123 && !this.closed) {
      this.inObject = true;
    } else if (this.inObject) {
      this.inString = code === QUOTE;
    } else if (this.closed) {
      this.onError(this.line, 'Text after the end of the array.');
      // One report is enough: what follows is no part of the data.
      this.outside = () => undefined;
    }
  }

  /** Moves over a string's content; returns the index of its last character in this piece. */
  private skipString(text: string, at: number): number {
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (this.escaped) this.escaped = false;
      else if (code === BACKSLASH) this.escaped = true;
      else if (code === QUOTE) {
        this.inString = false;
        return at;
      } else if (code === NEWLINE) {
        // JSON strings hold no line ends: a quotation mark is missing. Ending the string here lets later rows be found.
        this.inString = false;
        this.line++;
        return at;
      }
    }
    return at;
  }

  private keep(part: string): void {
    this.partChars += part.length;
    if (this.partChars <= MAX_ROW_CHARS) this.parts!.push(part);
  }

  private endElement(last: string): void {
    if (this.parts === null) return;
    this.keep(last);
    const text = this.partChars > MAX_ROW_CHARS ? null : this.parts.join('');
    this.parts = null;
    this.partChars = 0;
    this.onElement(this.elementLine, text);
  }
}
