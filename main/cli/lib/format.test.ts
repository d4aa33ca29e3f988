import { expect, test } from 'vitest';
import { bytes, duration, millions, plural, rate, table } from './format.ts';

test('numbers as a person reads them', () => {
  expect([0, 1023, 98_362_432, 5e9].map(bytes)).toEqual(['0 B', '1023 B', '93.8 MiB', '4.7 GiB']);
  expect([900, 9_960, 72_000, 4_000_000].map(duration)).toEqual(['0.9 s', '10 s', '1 min 12 s', '1 h 6 min']);
  expect([999, 1_500_000, 134_515_008, 7e9].map(millions)).toEqual(['999', '1.5 M', '135 M', '7.00 B']);
  expect([0, 2e-4].map(rate)).toEqual(['0', '2.00e-4']);
  expect([1, 1200].map((n) => plural(n, 'row'))).toEqual(['1 row', '1,200 rows']);
});

test('a table lines up and leaves no blanks at the ends', () => {
  expect(
    table([
      ['a', 'bb', 'c'],
      ['aaa', 'b', ''],
    ]),
  ).toBe('  a    bb  c\n  aaa  b');
});
