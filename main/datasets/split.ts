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
  rankOf(hash: Hash64): number {
    const high = mix32(hash.high ^ this.highSeed);
    const low = mix32(hash.low ^ this.lowSeed);
    // The 53 bits that a number can hold.
    return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
  }

  isHeldOut(rank: number): boolean {
    return rank < this.val_share;
  }

  /** Places in a list of rows: those to train on in its order, those held out by their rank. */
  sides(rows: RowList): { trained: Uint32Array; heldOut: Uint32Array } {
    const trained = new Uint32Array(rows.length);
    const heldOut: { at: number; rank: number }[] = [];
    let count = 0;
    for (let at = 0; at < rows.length; at++) {
      const rank = this.rankOf(rows.hashAt(at));
      if (this.isHeldOut(rank)) heldOut.push({ at, rank });
      else trained[count++] = at;
    }
    heldOut.sort((a, b) => a.rank - b.rank || a.at - b.at);
    return { trained: trained.subarray(0, count), heldOut: Uint32Array.from(heldOut, ({ at }) => at) };
  }
}
