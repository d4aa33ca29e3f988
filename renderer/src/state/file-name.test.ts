import { expect, it } from 'vitest';
import { fileName, stemOf } from './file-name.ts';

it('takes the name out of a path of any system', () => {
  expect(fileName('/a/b.c/orders.train.jsonl')).toBe('orders.train.jsonl');
  expect(fileName('C:\\data\\orders.csv')).toBe('orders.csv');
  expect(stemOf('/a/b.c/orders.train.jsonl')).toBe('orders.train');
  expect(stemOf('C:\\data\\orders.csv')).toBe('orders');
});
