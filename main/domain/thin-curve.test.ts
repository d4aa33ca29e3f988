import { expect, test } from 'vitest';
import { thinCurve, type CurvePoint } from './thin-curve.ts';

const curve = (n: number, spike = -1): CurvePoint[] =>
  Array.from({ length: n }, (_, at) => [at + 1, at === spike ? 99 : 3 - at / n, at === spike + 5 ? 50 : 1] as const);

test('a short curve stays whole', () => {
  expect(thinCurve(curve(5), 5)).toEqual([1, 2, 3, 4, 5]);
  expect(thinCurve([], 100)).toEqual([]);
});

test('a long one keeps its ends and its spikes, in order, and no more than asked for', () => {
  const steps = thinCurve(curve(100_000, 54_321), 2000);
  expect(steps.length).toBeLessThanOrEqual(2000);
  expect(steps.length).toBeGreaterThan(1200);
  expect(steps[0]).toBe(1);
  expect(steps.at(-1)).toBe(100_000);
  expect(steps).toContain(54_322);
  expect(steps).toContain(54_327);
  expect(steps.every((step, at) => at === 0 || step > steps[at - 1]!)).toBe(true);
});

test('two points are the ends', () => {
  expect(thinCurve(curve(10), 2)).toEqual([1, 10]);
  expect(thinCurve(curve(10), 4)).toEqual([1, 10]);
});
