import type { Hash64 } from './hash.ts';

/** The rows of a file that can be used, in its order: the place of each (ReadRow) and the hash of what it says. 12 bytes a row. */
export class RowList {
  /** Longer than `length` while it grows. */
  places: Uint32Array;
  lows: Uint32Array;
  highs: Uint32Array;
  length: number;

  constructor(places = new Uint32Array(1024), lows = new Uint32Array(1024), highs = new Uint32Array(1024), length = 0) {
    this.places = places;
    this.lows = lows;
    this.highs = highs;
    this.length = length;
  }

  add(place: number, hash: Hash64): void {
    if (this.length === this.places.length) {
      this.places = grown(this.places);
      this.lows = grown(this.lows);
      this.highs = grown(this.highs);
    }
    this.places[this.length] = place;
    this.lows[this.length] = hash.low;
    this.highs[this.length] = hash.high;
    this.length += 1;
  }

  hashAt(index: number): Hash64 {
    return { low: this.lows[index]!, high: this.highs[index]! };
  }
}

function grown(array: Uint32Array): Uint32Array {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}
