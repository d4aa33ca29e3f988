import { mix32, type Hash64 } from './hash.ts';
import type { RowList } from './row-list.ts';

/**
 * Chooses the rows that are held out. A row's side follows from what it says and the split's seed alone: whatever else is in the
 * file, in whatever order, however long the training is. Equal rows fall on the same side, and the rows that a smaller share
 * holds out are among those of a larger one.
 *
 * @param val_share share of the rows that are held out, 0 to 0.5
 * @param split_seed chooses which
 */
export class HeldOutSplit {
  readonly val_share: number;
  readonly split_seed: number;
  private readonly highSeed: number;
  private readonly lowSeed: number;

  constructor(val_share: number, split_seed: number) {
    this.val_share = Math.min(Math.max(val_share, 0), 0.5);
    this.split_seed = split_seed;
    this.highSeed = mix32(split_seed + 0x9e3779b9);
    this.lowSeed = mix32(this.highSeed + 0x9e3779b9);
  }

  /** A row's place among all: evenly spread over 0 to 1, and the same for equal rows only. The first are scored first. */
  rankOf({ low, high }: Hash64): number {
    return this.rank(low, high);
  }

  private rank(low: number, high: number): number {
    const front = mix32(high ^ this.highSeed);
    const back = mix32(low ^ this.lowSeed);
    // The 53 bits that a number can hold.
    return (front * 2 ** 21 + (back >>> 11)) / 2 ** 53;
  }

  isHeldOut(rank: number): boolean {
    return rank < this.val_share;
  }

  /** Places in a list of rows: those to train on in its order, those held out by their rank. */
  sides({ lows, highs, length }: RowList): { trained: Uint32Array; heldOut: Uint32Array } {
    const places = new Uint32Array(length); // those to train on from the front, those held out from the back
    const ranks = new Float64Array(length);
    let trained = 0;
    let heldOut = length;
    for (let at = 0; at < length; at++) {
      const rank = this.rank(lows[at]!, highs[at]!);
      ranks[at] = rank;
      if (this.isHeldOut(rank)) places[--heldOut] = at;
      else places[trained++] = at;
    }
    const byRank = places.slice(heldOut).sort((a, b) => ranks[a]! - ranks[b]! || a - b);
    return { trained: places.subarray(0, trained), heldOut: byRank };
  }

  /** Places in a list of rows of those that are held out, in its order. */
  heldOut({ lows, highs, length }: RowList): Uint32Array {
    const places: number[] = [];
    for (let at = 0; at < length; at++) if (this.isHeldOut(this.rank(lows[at]!, highs[at]!))) places.push(at);
    return Uint32Array.from(places);
  }
}
