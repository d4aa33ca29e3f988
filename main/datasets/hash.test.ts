import { describe, expect, it } from 'vitest';
import { HashSet, hashSegments, mix32 } from './hash.ts';
import { ValidationSplit } from './split.ts';

describe('hashSegments', () => {
  // The first call of all: no longer row has made room before.
  it('takes a row of no text', () => {
    expect(hashSegments([])).toEqual(hashSegments([]));
  });

  it('differs for texts, their order and what is supervised', () => {
    const hashes = [
      hashSegments([['ab', 0]]),
      hashSegments([['ba', 0]]),
      hashSegments([['ab', 1]]),
      hashSegments([
        ['a', 0],
        ['b', 0],
      ]),
      hashSegments([]),
    ].map(({ low, high }) => `${low}:${high}`);
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it('is the same whether a part is literal or not', () => {
    const plain = hashSegments([
      ['a <b> c', 0],
      ['d', 1],
    ]);
    expect(
      hashSegments([
        ['a ', 0],
        ['<b>', 0, 1],
        [' c', 0],
        ['d', 1, 1],
      ]),
    ).toEqual(plain);
  });

  it('has no equal halves among a hundred thousand similar texts beyond chance', () => {
    const lows = new Set<number>();
    const highs = new Set<number>();
    for (let i = 0; i < 100_000; i++) {
      const { low, high } = hashSegments([[`row ${i}`, 1]]);
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

describe('ValidationSplit', () => {
  const hashes = Array.from({ length: 20_000 }, (_, i) => hashSegments([[`row ${i}`, 1]]));
  const chosen = (share: number, seed: number) =>
    hashes.filter((hash) => new ValidationSplit(share, seed).isValidation(hash));

  it('takes about the share that was asked for', () => {
    // Four standard deviations: sqrt(20000 · 0.1 · 0.9) = 42.
    expect(Math.abs(chosen(0.1, 1).length - 2000)).toBeLessThan(170);
    expect(chosen(0, 1).length).toBe(0);
  });

  it('takes the same rows for a seed, and others for another', () => {
    expect(chosen(0.1, 7)).toEqual(chosen(0.1, 7));
    const other = new Set(chosen(0.1, 8));
    const both = chosen(0.1, 7).filter((hash) => other.has(hash)).length;
    expect(both).toBeLessThan(300);
  });

  it('mix32 is a bijection on what is tried', () => {
    expect(new Set(Array.from({ length: 10_000 }, (_, i) => mix32(i))).size).toBe(10_000);
  });
});
