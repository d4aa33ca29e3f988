import { isUtf8 } from 'node:buffer';

/** Lone low surrogates stand for bytes that are not UTF-8; UTF-8 itself can't produce them. */
const ESCAPED_BYTE = /[\uDC80-\uDCFF]/u;
const EVERY_ESCAPED_BYTE = /[\uDC80-\uDCFF]/gu;
const ESCAPE_BASE = 0xdc00;

/**
 * Decodes a file chunk by chunk. A byte that is not UTF-8 becomes one lone surrogate, so that rows can be cut first and
 * the bad ones refused by line, instead of losing the whole chunk or hiding the damage behind U+FFFD.
 */
export class Utf8Decoder {
  /** Whether any invalid byte was seen, so that clean files are not searched row by row. */
  sawInvalid = false;
  private rest: Buffer | null = null;

  /** Text of this chunk; a character cut by its end comes with the next one. */
  push(chunk: Buffer): string {
    const bytes = this.rest === null ? chunk : Buffer.concat([this.rest, chunk]);
    const cut = bytes.length - incompleteTail(bytes);
    this.rest = cut < bytes.length ? Buffer.from(bytes.subarray(cut)) : null;
    return this.decode(bytes.subarray(0, cut));
  }

  /** What is left at the end of the file. */
  flush(): string {
    const rest = this.rest;
    this.rest = null;
    return rest === null ? '' : this.decode(rest);
  }

  /** Whether a text holds a byte that was not UTF-8. */
  isDamaged(text: string): boolean {
    return this.sawInvalid && ESCAPED_BYTE.test(text);
  }

  /** How many bytes a text of this decoder was made from. */
  bytesOf(text: string): number {
    // Buffer.byteLength counts three bytes for a lone surrogate, which stands for one.
    const damaged = this.sawInvalid ? (text.match(EVERY_ESCAPED_BYTE)?.length ?? 0) : 0;
    return Buffer.byteLength(text) - 2 * damaged;
  }

  /** The text of bytes that begin and end with whole characters. */
  decode(bytes: Buffer): string {
    if (isUtf8(bytes)) return bytes.toString('utf8');
    this.sawInvalid = true;
    let text = '';
    let start = 0;
    let at = 0;
    while (at < bytes.length) {
      const length = sequenceLength(bytes, at);
      if (length > 0) {
        at += length;
        continue;
      }
      text += bytes.toString('utf8', start, at) + String.fromCharCode(ESCAPE_BASE + bytes[at]!);
      at += 1;
      start = at;
    }
    return text + bytes.toString('utf8', start);
  }
}

/** Length of the well-formed sequence at `at` (1 to 4 bytes), or 0 when there is none. */
function sequenceLength(bytes: Buffer, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  return isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}

/** How many bytes at the end begin a character that may go on in the next chunk (0 to 3). */
function incompleteTail(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? back : 0;
    }
  }
  return 0;
}
