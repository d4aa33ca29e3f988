import { MAX_ROW_CHARS } from './line-splitter.ts';

const QUOTE = 34;
const BACKSLASH = 92;
const NEWLINE = 10;

/**
 * What holds the elements: the brackets of a list, the braces of an object (elements are `"key": value`), or nothing: values one after
 * another.
 */
export type Container = 'list' | 'entries' | 'values';

/** The character that ends a container; values one after another end with the file. */
const CLOSING: Record<Container, number> = { list: 93, entries: 125, values: -1 };

/**
 * Gets an element's first line, its text (null where it is too long), where it starts in all text that was pushed, and how long it is, in
 * characters.
 */
export type ElementHandler = (line: number, text: string | null, start: number, length: number) => void;

/**
 * Finds the elements of a JSON container in text that comes in pieces. Only their borders are found here (strings and the depth of
 * brackets); each element then goes to JSON.parse. Streaming JSON parsers stop for good at the first broken character, while this
 * refuses the one element with its line and goes on, at the speed of JSON.parse.
 */
export class ElementSplitter {
  private depth = 0;
  private inString = false;
  private escaped = false;
  private closed = false;
  /** Text of the element so far, from earlier chunks; null between elements. */
  private parts: string[] | null = null;
  private partChars = 0;
  private elementLine = 1;
  private elementStart = 0;
  /** Characters of the pieces before. */
  private chars = 0;
  private readonly container: Container;
  private line: number;
  private readonly isPart: boolean;
  private readonly onElement: ElementHandler;
  private readonly onError: (line: number, message: string) => void;

  /**
   * @param start the line on which the text begins, and whether more may follow behind the container's end
   */
  constructor(
    container: Container,
    start: { line: number; isPart: boolean },
    onElement: ElementHandler,
    onError: (line: number, message: string) => void,
  ) {
    this.container = container;
    this.line = start.line;
    this.isPart = start.isPart;
    this.onElement = onElement;
    this.onError = onError;
    if (container === 'values') this.depth = 1;
  }

  push(text: string): void {
    let start = 0;
    const end = text.length;
    const closing = CLOSING[this.container];
    const endsByDepth = this.container === 'values';
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
      if (this.depth === 1 && (code === 44 || code === closing)) {
        this.endElement(text.slice(start, at));
        if (code === closing) {
          this.depth = 0;
          this.closed = true;
        }
        start = at + 1;
        continue;
      }
      if (this.parts === null) {
        this.parts = [];
        this.elementLine = this.line;
        this.elementStart = this.chars + at;
        start = at;
      }
      if (code === QUOTE) this.inString = true;
      else if (code === 123 || code === 91) this.depth++;
      else if ((code === 125 || code === 93) && this.depth > 1) {
        this.depth--;
        if (endsByDepth && this.depth === 1) {
          this.endElement(text.slice(start, at + 1));
          start = at + 1;
        }
      }
    }
    if (this.parts !== null && start < end) this.keep(start === 0 ? text : text.slice(start));
    this.chars += end;
  }

  flush(): void {
    if (this.parts !== null && this.depth === 1 && !this.inString) this.endElement('');
    if (this.parts !== null) {
      this.onError(this.elementLine, 'The file ends inside this row: a bracket or a quotation mark is never closed.');
      this.parts = null;
    } else if (!this.closed && this.container !== 'values') {
      this.onError(
        this.line,
        `The file ends before ${this.container === 'list' ? 'the list is closed with ]' : 'the object is closed with }'}.`,
      );
    }
  }

  private outside(code: number): void {
    if (!this.closed) {
      if (code === (this.container === 'list' ? 91 : 123)) this.depth = 1;
    } else if (!this.isPart) {
      this.onError(this.line, `Text after the end of the ${this.container === 'list' ? 'list' : 'object'}.`);
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
    const length = this.partChars;
    const text = length > MAX_ROW_CHARS ? null : this.parts.join('');
    this.parts = null;
    this.partChars = 0;
    this.onElement(this.elementLine, text, this.elementStart, length);
  }
}
