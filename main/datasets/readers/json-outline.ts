const QUOTE = 34;
const BACKSLASH = 92;
const NEWLINE = 10;
const COLON = 58;
const COMMA = 44;

/** Properties that are kept; more of them are only counted. */
const MOST_PROPERTIES = 64;
/** Characters of a property's first child that are kept to see what it is. */
const MOST_CHILD_CHARS = 16 * 1024;
const MOST_KEY_CHARS = 500;

export type JsonKind = 'object' | 'list' | 'text' | 'other';

/** A property of the object that a file holds. */
export interface JsonProperty {
  name: string;
  kind: JsonKind;
  /** Where its value begins: characters of the file before it, and the line (1-based). */
  start_chars: number;
  line: number;
  /** Values that its list or object holds. */
  children: number;
  /** How many of these are objects. */
  object_children: number;
  /** The first of them, or the beginning of its text where it is long; null without any. */
  first: string | null;
  /** The first child's name, of an object. */
  first_key: string | null;
}

/** What a file with an object at its top holds, as far as it must be known to tell what its rows are. */
export interface JsonOutline {
  properties: JsonProperty[];
  /** All properties, those beyond the kept ones included, and how many of them hold an object. */
  count: number;
  objects: number;
  /** Whether something follows the object, so that it is one of several. */
  hasMore: boolean;
}

/** Walks over a file's text once, in pieces, and keeps of it what JsonOutline says; memory does not grow with the file. */
export class OutlineScanner {
  readonly outline: JsonOutline = { properties: [], count: 0, objects: 0, hasMore: false };
  private depth = 0;
  private line = 1;
  private chars = 0;
  private isClosed = false;
  private inString = false;
  private escaped = false;
  /** The characters of a name that is being read, or null. */
  private key: string | null = null;
  private isAfterColon = false;
  private current: JsonProperty | null = null;
  private isValueBegun = false;
  private isChildBegun = false;
  /** The first child is being kept. */
  private keeps = false;

  /** Takes the next piece; false when nothing more needs to be seen. */
  push(text: string): boolean {
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (this.keeps) this.keep(text[at]!);
      if (this.inString) {
        this.takeStringChar(code, text[at]!);
        continue;
      }
      if (code === NEWLINE) this.line++;
      if (code === 32 || code === 13 || code === 9 || code === NEWLINE) continue;
      if (this.isClosed) {
        this.outline.hasMore = true;
        return false;
      }
      this.take(code, text[at]!, this.chars + at);
    }
    this.chars += text.length;
    return true;
  }

  private take(code: number, char: string, place: number): void {
    const opens = code === 123 || code === 91;
    const closes = code === 125 || code === 93;
    if (this.depth === 0) {
      if (opens) this.depth = 1;
      return;
    }
    if (this.depth === 1) {
      if (closes) {
        this.depth = 0;
        this.isClosed = true;
      } else if (code === COMMA) {
        this.isAfterColon = false;
        this.current = null;
      } else if (code === COLON) {
        this.isAfterColon = true;
        this.isValueBegun = false;
      } else if (!this.isAfterColon) {
        if (code === QUOTE) this.beginString('');
      } else if (!this.isValueBegun) {
        this.beginValue(code, place);
        if (opens) this.depth = 2;
        else if (code === QUOTE) this.beginString(null);
      }
      return;
    }
    if (this.depth === 2) this.takeInValue(code, char, opens, closes);
    if (code === QUOTE) {
      if (!this.inString) this.beginString(null);
    } else if (opens) this.depth++;
    else if (closes) this.depth--;
    if (this.keeps && this.depth < 2) this.keeps = false;
  }

  private beginValue(code: number, place: number): void {
    const { outline } = this;
    this.isValueBegun = true;
    this.isChildBegun = false;
    outline.count += 1;
    const kind = code === 123 ? 'object' : code === 91 ? 'list' : code === QUOTE ? 'text' : 'other';
    if (kind === 'object') outline.objects += 1;
    const name = this.key ?? '';
    this.key = null;
    this.current = {
      name,
      kind,
      start_chars: place,
      line: this.line,
      children: 0,
      object_children: 0,
      first: null,
      first_key: null,
    };
    if (outline.properties.length < MOST_PROPERTIES) outline.properties.push(this.current);
  }

  /** A character directly inside of a property's list or object. */
  private takeInValue(code: number, char: string, opens: boolean, closes: boolean): void {
    const current = this.current;
    if (current === null) return;
    if (closes || code === COMMA) {
      if (this.keeps) {
        current.first = current.first!.slice(0, -1);
        this.keeps = false;
      }
      this.isChildBegun = false;
      return;
    }
    if (current.kind === 'object') {
      if (code === COLON) {
        this.key = null;
        return;
      }
      if (code === QUOTE && !this.isChildBegun && this.key === null) {
        this.isChildBegun = true;
        current.children += 1;
        if (current.first_key === null) this.beginString('');
        return;
      }
      if (current.first === null && this.isChildBegun && current.children === 1) this.beginKeeping(char);
      if (opens && code === 123) current.object_children += 1;
      return;
    }
    if (this.isChildBegun) return;
    this.isChildBegun = true;
    current.children += 1;
    if (code === 123) current.object_children += 1;
    if (current.first === null) this.beginKeeping(char);
  }

  private beginKeeping(char: string): void {
    this.current!.first = char;
    this.keeps = true;
  }

  private keep(char: string): void {
    const first = `${this.current!.first ?? ''}${char}`;
    this.current!.first = first;
    if (first.length >= MOST_CHILD_CHARS) this.keeps = false;
  }

  /** @param key where its characters are kept, or null where they aren't */
  private beginString(key: string | null): void {
    this.inString = true;
    this.key = key;
  }

  private takeStringChar(code: number, char: string): void {
    if (this.escaped) this.escaped = false;
    else if (code === BACKSLASH) this.escaped = true;
    else if (code === QUOTE || code === NEWLINE) {
      // JSON strings hold no line ends: a quotation mark is missing.
      if (code === NEWLINE) this.line++;
      this.inString = false;
      if (this.depth === 2 && this.key !== null && this.current !== null) {
        this.current.first_key = this.key;
        this.key = null;
      }
      return;
    }
    if (this.key !== null && this.key.length < MOST_KEY_CHARS) this.key += char;
  }
}
