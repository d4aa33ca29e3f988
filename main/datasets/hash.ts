import type { ChatMessage, Conversation } from './types.ts';

/** A 64-bit hash of a row's text, as two unsigned 32-bit halves: enough to find equal rows among many millions. */
export interface Hash64 {
  low: number;
  high: number;
}

/** Bytes that UTF-8 does not have: one stands before each part of a row. */
const ROLE = 0xff;
const LEARNED = 0xfe;
const CONTEXT = 0xfd;
const TEXT = 0xfc;
const REASONING = 0xfb;
const TOOLS = 0xfa;
const REJECTED = 0xf9;
const LABEL = 0xf8;

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

/**
 * Hashes what a row says: its messages, who says them and which are learned, thoughts and tools; or its text. The kind of file that it comes from, its
 * place there, the prompt template and white space around a message make no difference.
 */
export function hashConversation(conversation: Conversation): Hash64 {
  const size = writeContent(conversation);
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

/** Puts the row into the scratch memory, zeros behind it up to a multiple of four. Returns its size in bytes. */
function writeContent(conversation: Conversation): number {
  let at = 0;
  if (conversation.kind === 'text') {
    at = writePart(at, TEXT, conversation.text);
  } else {
    at = writeMessages(at, conversation.messages);
    if (conversation.rejected !== undefined) at = writeMessages(writePart(at, REJECTED, ''), conversation.rejected);
    if (conversation.desirable !== undefined) at = writePart(at, LABEL, conversation.desirable ? '1' : '0');
    if (conversation.tools !== undefined) at = writePart(at, TOOLS, JSON.stringify(conversation.tools));
  }
  scratch.bytes.fill(0, at, at + 3);
  return at;
}

function writeMessages(from: number, messages: ChatMessage[]): number {
  let at = from;
  for (const message of messages) {
    const { role, content, supervised } = message;
    at = writePart(at, ROLE, role);
    at = writePart(at, role === 'assistant' && supervised !== false ? LEARNED : CONTEXT, content.trim());
    const { reasoning, tool_calls, name, tool_call_id } = message;
    if (reasoning !== undefined) at = writePart(at, REASONING, reasoning.trim());
    if (tool_calls !== undefined || name !== undefined || tool_call_id !== undefined)
      at = writePart(at, TOOLS, JSON.stringify([tool_calls, name, tool_call_id]));
  }
  return at;
}

function writePart(at: number, border: number, text: string): number {
  // A character has at most three bytes for each of its UTF-16 halves.
  const least = at + 3 * text.length + 8;
  if (least > scratch.bytes.length) growScratch(least);
  scratch.bytes[at] = border;
  return at + 1 + scratch.bytes.write(text, at + 1);
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
