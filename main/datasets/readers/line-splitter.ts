/** Longest row taken, in characters; a longer one is refused and skipped without being kept in memory. */
export const MAX_ROW_CHARS = 16 * 1024 * 1024;

/** A physical line without its end, and its number (1-based). `text` is null when it was longer than MAX_ROW_CHARS. */
export type LineHandler = (line: number, text: string | null) => void;

/** Cuts text into lines ended by \n or \r\n, whatever the chunks it comes in. */
export class LineSplitter {
  private parts: string[] = [];
  private partChars = 0;
  private tooLong = false;
  private line = 1;
  private readonly onLine: LineHandler;

  constructor(onLine: LineHandler) {
    this.onLine = onLine;
  }

  push(text: string): void {
    let start = 0;
    for (;;) {
      const end = text.indexOf('\n', start);
      if (end < 0) break;
      this.emit(text.slice(start, end));
      start = end + 1;
    }
    if (start < text.length) this.keep(start === 0 ? text : text.slice(start));
  }

  /** Emits a last line that has no line end. */
  flush(): void {
    if (this.parts.length > 0 || this.tooLong) this.emit('');
  }

  private keep(part: string): void {
    this.partChars += part.length;
    if (this.partChars > MAX_ROW_CHARS) {
      this.tooLong = true;
      this.parts = [];
    } else {
      this.parts.push(part);
    }
  }

  private emit(last: string): void {
    const line = this.line++;
    if (this.parts.length > 0 || this.tooLong) {
      this.keep(last);
      last = this.parts.join('');
      const tooLong = this.tooLong;
      this.parts = [];
      this.partChars = 0;
      this.tooLong = false;
      if (tooLong) {
        this.onLine(line, null);
        return;
      }
    }
    this.onLine(line, last.endsWith('\r') ? last.slice(0, -1) : last);
  }
}
