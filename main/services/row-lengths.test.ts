import { expect, test } from 'vitest';
import type { Segment } from '../datasets/index.ts';
import { markCut } from './dataset-service.ts';
import { beginning, charsOf, findCuts } from './row-lengths.ts';

/** A token every three characters. */
const count = (rows: Segment[][]) => Promise.resolve(rows.map((segments) => Math.ceil(charsOf(segments) / 3)));

test('the cut is found to the character', async () => {
  const rows: Segment[][] = [
    [
      ['a'.repeat(5000), 0],
      ['b'.repeat(7000), 1],
    ],
    [['c'.repeat(301), 1]],
  ];
  expect(await findCuts(rows, 100, count)).toEqual([300, 300]);
  expect(await findCuts(rows.slice(0, 1), 2000, count)).toEqual([6000]);
  expect(await findCuts([], 10, count)).toEqual([]);
});

test('a count that goes up and down does not keep it from ending', async () => {
  const jumpy = (rows: Segment[][]) =>
    Promise.resolve(rows.map((segments) => (charsOf(segments) % 2 === 0 ? 1 : 1000)));
  const [cut] = await findCuts([[['x'.repeat(1000), 1]]], 10, jumpy);
  expect(cut).toBeGreaterThanOrEqual(0);
});

test('a beginning never ends in half a character', () => {
  expect(beginning([['ab😀cd', 1]], 3)).toEqual([['ab', 1]]);
  expect(
    beginning(
      [
        ['ab', 0],
        ['cd', 1],
      ],
      3,
    ),
  ).toEqual([
    ['ab', 0],
    ['c', 1],
  ]);
});

test('the segment that is cut becomes two', () => {
  expect(
    markCut(
      [
        ['ask ', 0],
        ['answer', 1],
        ['!', 1],
      ],
      7,
    ),
  ).toEqual([
    { text: 'ask ', supervised: false, cut: false },
    { text: 'ans', supervised: true, cut: false },
    { text: 'wer', supervised: true, cut: true },
    { text: '!', supervised: true, cut: true },
  ]);
});
