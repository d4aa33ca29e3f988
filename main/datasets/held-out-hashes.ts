/** Hashes of rows as pairs of their halves, low and high: how a run keeps in mind what it held out. */
import { HashSet } from './hash.ts';
import type { RowList } from './row-list.ts';
import type { HeldOutSplit } from './split.ts';

/** Those of the rows that a split holds out, in the file's order. */
export function heldOutHashes(rows: RowList, split: HeldOutSplit): Uint32Array {
  if (split.val_share === 0) return new Uint32Array();
  return pairs(rows, split.heldOut(rows));
}

/** Those of all rows. */
export function allHashes(rows: RowList): Uint32Array {
  const places = new Uint32Array(rows.length);
  for (let at = 0; at < rows.length; at++) places[at] = at;
  return pairs(rows, places);
}

/** As a set. */
export function hashSetOf(hashes: Uint32Array): HashSet {
  const set = new HashSet();
  for (let at = 0; at + 1 < hashes.length; at += 2) set.add({ low: hashes[at]!, high: hashes[at + 1]! });
  return set;
}

function pairs(rows: RowList, places: Uint32Array): Uint32Array {
  const hashes = new Uint32Array(2 * places.length);
  for (let index = 0; index < places.length; index++) {
    const at = places[index]!;
    hashes[2 * index] = rows.lows[at]!;
    hashes[2 * index + 1] = rows.highs[at]!;
  }
  return hashes;
}

/** Two lists of hashes, each hash once. */
export function joinHashes(a: Uint32Array, b: Uint32Array): Uint32Array {
  const both = new Uint32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  const seen = new HashSet();
  return filterHashes(both, (low, high) => seen.add({ low, high }));
}

/** A list without the hashes of a set. */
export function withoutHashes(hashes: Uint32Array, set: HashSet): Uint32Array {
  return filterHashes(hashes, (low, high) => !set.has({ low, high }));
}

function filterHashes(hashes: Uint32Array, isKept: (low: number, high: number) => boolean): Uint32Array {
  let count = 0;
  for (let at = 0; at + 1 < hashes.length; at += 2) {
    const low = hashes[at]!;
    const high = hashes[at + 1]!;
    if (!isKept(low, high)) continue;
    hashes[count++] = low;
    hashes[count++] = high;
  }
  return hashes.slice(0, count);
}
