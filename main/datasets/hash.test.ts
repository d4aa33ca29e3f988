import { describe, expect, it } from 'vitest';
import { hashConversation, HashSet, mix32 } from './hash.ts';
import { HeldOutSplit } from './split.ts';
import type { ChatMessage, Conversation } from './types.ts';

const chat = (...messages: ChatMessage[]): Conversation => ({ kind: 'chat', messages });
const text = (value: string): Conversation => ({ kind: 'text', text: value });

describe('hashConversation', () => {
  // The first call of all: no longer row has made room before.
  it('takes a row of no text', () => {
    expect(hashConversation(chat())).toEqual(hashConversation(chat()));
  });

  it('differs for texts, their order, who says them and what is learned', () => {
    const user = { role: 'user', content: 'ab' } as const;
    const assistant = { role: 'assistant', content: 'ab' } as const;
    const hashes = [
      chat(user),
      chat({ ...user, content: 'ba' }),
      chat(assistant),
      chat({ ...assistant, supervised: false }),
      chat(user, assistant),
      chat(assistant, user),
      chat({ ...user, content: 'a' }, { ...user, content: 'b' }),
      text('ab'),
      chat(),
    ].map((row) => Object.values(hashConversation(row)).join());
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it('is the same whatever white space stands around a message, and whatever columns it came from', () => {
    const plain = chat({ role: 'user', content: 'Add 1' }, { role: 'assistant', content: 'Done' });
    const alpaca = { instruction: 'Add', input: '1' };
    const messages: ChatMessage[] = [
      { role: 'user', content: ' Add 1\n' },
      { role: 'assistant', content: 'Done ', supervised: true },
    ];
    expect(hashConversation({ kind: 'chat', messages, alpaca })).toEqual(hashConversation(plain));
  });

  it('has no equal halves among a hundred thousand similar texts beyond chance', () => {
    const lows = new Set<number>();
    const highs = new Set<number>();
    for (let i = 0; i < 100_000; i++) {
      const { low, high } = hashConversation(text(`row ${i}`));
      lows.add(low);
      highs.add(high);
    }
    // Of n random 32-bit numbers, n² / 2³³ = 1.2 pairs are equal.
    expect(lows.size).toBeGreaterThan(99_985);
    expect(highs.size).toBeGreaterThan(99_985);
  });
});

describe('HashSet', () => {
  it('knows what was added, through growth and zeros', () => {
    const set = new HashSet();
    expect(set.add({ low: 0, high: 0 })).toBe(true);
    expect(set.add({ low: 0, high: 0 })).toBe(false);
    const numbers = Array.from({ length: 5000 }, (_, i) => i + 1);
    const added = () => numbers.filter((i) => set.add({ low: i % 7, high: i })).length;
    expect([added(), added()]).toEqual([5000, 0]);
    expect(set.size).toBe(5001);
    expect(set.has({ low: 1, high: 1 })).toBe(true);
    expect(set.has({ low: 2, high: 1 })).toBe(false);
  });
});

describe('HeldOutSplit', () => {
  const hashes = Array.from({ length: 20_000 }, (_, i) => hashConversation(text(`row ${i}`)));
  const ranks = (seed: number) => hashes.map((hash) => new HeldOutSplit(0.1, seed).rankOf(hash));

  it('spreads rows evenly over all ranks', () => {
    const tenths = new Array<number>(10).fill(0);
    for (const rank of ranks(1)) tenths[Math.floor(rank * 10)]! += 1;
    // Four standard deviations: sqrt(20000 · 0.1 · 0.9) = 42.
    for (const count of tenths) expect(Math.abs(count - 2000)).toBeLessThan(170);
  });

  it('holds out about the share that was asked for, and with a smaller one some of the same rows', () => {
    const heldOut = (share: number) => {
      const split = new HeldOutSplit(share, 1);
      return hashes.flatMap((hash, at) => (split.isHeldOut(split.rankOf(hash)) ? [at] : []));
    };
    const [few, many] = [heldOut(0.1), heldOut(0.3)];
    expect(Math.abs(many.length - 6000)).toBeLessThan(260);
    expect(few.every((at) => many.includes(at))).toBe(true);
    expect(heldOut(0)).toEqual([]);
  });

  it('gives other ranks for another seed', () => {
    const other = ranks(8);
    // Of two random orders a tenth of each have a hundredth in common: 200, give or take 14.
    const both = ranks(7).filter((rank, at) => rank < 0.1 && other[at]! < 0.1).length;
    expect(Math.abs(both - 200)).toBeLessThan(60);
    expect(ranks(7)).toEqual(ranks(7));
  });

  it('mix32 is a bijection on what is tried', () => {
    expect(new Set(Array.from({ length: 10_000 }, (_, i) => mix32(i))).size).toBe(10_000);
  });
});
