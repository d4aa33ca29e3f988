import type { Segment } from './types.ts';

/** A 64-bit hash of a row's text, as two unsigned 32-bit halves: enough to find equal rows among many millions. */
export interface Hash64 {
  low: number;
  high: number;
}

/** UTF-8 has no such bytes: they stand before a segment and say whether it is learned. */
const BORDER = 0xfe;

/** Where a row's text lies as bytes while it is hashed; the same memory as numbers, and how many bytes it has. */
let scratch = makeScratch(1 << 16);

function makeScratch(size: number) {
  const memory = new ArrayBuffer(size);
  return { bytes: Buffer.from(memory), words: new Int32Array(memory) };
}

function growScratch(least: number): void {
  const grown = makeScratch(2 ** Math.ceil(Math.log2(least)));
  scratch.bytes.copy(grown.bytes);
  scratch = grown;
}

/** Hashes the text of a row; the borders of its segments count too, but for those around literal text. */
export function hashSegments(segments: Segment[]): Hash64 {
  const size = writeText(segments);
  const { words } = scratch;
  let a = 0x243f6a88 ^ size;
  let b = 0x85a308d3;
  // Four bytes a round. A JavaScript string is read a character at a time, each time asking what kind of string it is: bytes are
  // ten times as fast, their making included.
  for (let at = 0; at < size; at += 4) {
    const code = words[at >> 2]!;
    a = Math.imul(a ^ code, 0x85ebca6b);
    b = Math.imul(b ^ code, 0xc2b2ae35);
    a ^= b >>> 15;
    b ^= a >>> 13;
  }
  return { low: mix32(a ^ Math.imul(b, 0x27d4eb2f)), high: mix32(b ^ Math.imul(a, 0x165667b1)) };
}

/** Puts the segments into the scratch memory, zeros behind them up to a multiple of four. Returns their size in bytes. */
function writeText(segments: Segment[]): number {
  const merges = segments.some(([, , literal]) => literal === 1);
  let kind: number | null = null;
  let at = 0;
  for (const [text, supervised] of segments) {
    // A character has at most three bytes for each of its UTF-16 halves.
    const least = at + 3 * text.length + 8;
    if (least > scratch.bytes.length) growScratch(least);
    if (merges && text === '') continue;
    if (!merges || kind !== supervised) scratch.bytes[at++] = BORDER + supervised;
    at += scratch.bytes.write(text, at);
    kind = supervised;
  }
  scratch.bytes.fill(0, at, at + 3);
  return at;
}

/** Spreads every bit of a 32-bit number over all of them. Source: the finaliser of MurmurHash3. */
export function mix32(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** A set of 64-bit hashes in flat arrays: 8 bytes a slot, at most half of them used. */
export class HashSet {
  private lows = new Uint32Array(1024);
  private highs = new Uint32Array(1024);
  private count = 0;
  private hasZero = false;

  get size(): number {
    return this.count + (this.hasZero ? 1 : 0);
  }

  /** Adds a hash; false when it was there already. */
  add(hash: Hash64): boolean {
    if (hash.low === 0 && hash.high === 0) {
      const isNew = !this.hasZero;
      this.hasZero = true;
      return isNew;
    }
    const slot = this.slotOf(hash.low, hash.high);
    if (this.isUsed(slot)) return false;
    this.lows[slot] = hash.low;
    this.highs[slot] = hash.high;
    this.count += 1;
    if (this.count * 2 > this.lows.length) this.grow();
    return true;
  }

  has(hash: Hash64): boolean {
    if (hash.low === 0 && hash.high === 0) return this.hasZero;
    return this.isUsed(this.slotOf(hash.low, hash.high));
  }

  private isUsed(slot: number): boolean {
    return this.lows[slot] !== 0 || this.highs[slot] !== 0;
  }

  /** The slot that holds a hash, or the free one where it belongs. */
  private slotOf(low: number, high: number): number {
    const mask = this.lows.length - 1;
    let slot = low & mask;
    while (this.isUsed(slot) && (this.lows[slot] !== low || this.highs[slot] !== high)) slot = (slot + 1) & mask;
    return slot;
  }

  private grow(): void {
    const { lows, highs } = this;
    this.lows = new Uint32Array(lows.length * 2);
    this.highs = new Uint32Array(lows.length * 2);
    for (let index = 0; index < lows.length; index++) {
      const low = lows[index]!;
      const high = highs[index]!;
      if (low === 0 && high === 0) continue;
      const slot = this.slotOf(low, high);
      this.lows[slot] = low;
      this.highs[slot] = high;
    }
  }
}
