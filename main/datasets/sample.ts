import { mix32 } from './hash.ts';

/**
 * The numbers from 0 to `count` - 1 in an order that depends on the seed alone; what is not asked for costs nothing but
 * 4 bytes a number. Source: the shuffle of Fisher and Yates, from the front.
 */
export function* shuffled(count: number, seed: number): Generator<number, void, undefined> {
  const order = new Uint32Array(count);
  for (let index = 0; index < count; index++) order[index] = index;
  const key = mix32(seed ^ 0x5bd1e995);
  for (let at = 0; at < count; at++) {
    const other = at + Math.floor((mix32(key ^ Math.imul(at + 1, 0x9e3779b1)) / 2 ** 32) * (count - at));
    yield order[other]!;
    order[other] = order[at]!;
  }
}

/** Some places in another order. */
export function* placesIn(places: Uint32Array, order: Iterable<number>): Generator<number, void, undefined> {
  for (const index of order) yield places[index]!;
}

/** The next few of what a generator gives; it goes on behind them the next time. */
export function take<T>(from: Iterator<T, unknown>, count: number): T[] {
  const taken: T[] = [];
  while (taken.length < count) {
    const { value, done } = from.next();
    if (done === true) break;
    taken.push(value);
  }
  return taken;
}
