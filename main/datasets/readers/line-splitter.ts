import { isUtf8 } from 'node:buffer';
import type { Utf8Decoder } from './utf8-decoder.ts';

/** Longest row taken, in characters; a longer one is refused and skipped without being kept in memory. */
export const MAX_ROW_CHARS = 16 * 1024 * 1024;
/** A line of more bytes has more characters than that: none has more than three bytes for each of its UTF-16 halves. */
const MAX_LINE_BYTES = 3 * MAX_ROW_CHARS;

const LINE_END = 10;

/** A physical line without its end, and its number (1-based). `text` is null when it was longer than MAX_ROW_CHARS. */
export type LineHandler = (line: number, text: string | null) => void;

/**
 * Cuts a file into lines ended by \n or \r\n, whatever the chunks it comes in. Lines are cut as bytes and decoded one by one: one
 * character beyond Latin-1 would make the text of a whole chunk twice as large, and each row slower to parse.
 */
export class LineSplitter {
  private parts: Buffer[] = [];
  private partBytes = 0;
  private tooLong = false;
  private line = 1;
  private readonly decoder: Utf8Decoder;
  private readonly onLine: LineHandler;

  constructor(decoder: Utf8Decoder, onLine: LineHandler) {
    this.decoder = decoder;
    this.onLine = onLine;
  }

  push(chunk: Buffer): void {
    let start = 0;
    const last = chunk.lastIndexOf(LINE_END);
    if (last >= 0 && (this.parts.length > 0 || this.tooLong)) {
      const end = chunk.indexOf(LINE_END);
      this.emitKept(chunk.subarray(0, end));
      start = end + 1;
    }
    // Nearly always all of it is UTF-8, which is found out sooner in one go.
    const isClean = start > last || isUtf8(chunk.subarray(start, last + 1));
    while (start <= last) {
      const end = chunk.indexOf(LINE_END, start);
      this.emit(isClean ? chunk.toString('utf8', start, end) : this.decoder.decode(chunk.subarray(start, end)));
      start = end + 1;
    }
    if (start < chunk.length) this.keep(chunk.subarray(start));
  }

  /** Emits a last line that has no line end. */
  flush(): void {
    if (this.parts.length > 0 || this.tooLong) this.emitKept(Buffer.alloc(0));
  }

  private keep(part: Buffer): void {
    this.partBytes += part.length;
    if (this.partBytes > MAX_LINE_BYTES) {
      this.tooLong = true;
      this.parts = [];
    } else {
      this.parts.push(part);
    }
  }

  /** A line whose beginning came with the chunks before. */
  private emitKept(last: Buffer): void {
    this.keep(last);
    const { tooLong } = this;
    const bytes = Buffer.concat(this.parts);
    this.parts = [];
    this.partBytes = 0;
    this.tooLong = false;
    if (tooLong) this.onLine(this.line++, null);
    else this.emit(this.decoder.decode(bytes));
  }

  private emit(text: string): void {
    const line = this.line++;
    const end = text.endsWith('\r') ? text.length - 1 : text.length;
    if (end > MAX_ROW_CHARS) this.onLine(line, null);
    else this.onLine(line, end < text.length ? text.slice(0, end) : text);
  }
}
