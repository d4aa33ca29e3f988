import { describe, expect, it } from 'vitest';
import { numberProblem, readNumber, stepNumber } from './number.ts';

describe('readNumber', () => {
  it.each([
    ['0.5', 0.5],
    ['0,5', 0.5],
    ['2e-4', 0.0002],
    ['2 000', 2000],
    ['-3', -3],
    ['.1', 0.1],
  ])('reads %s', (text, value) => expect(readNumber(text)).toBe(value));

  it.each(['', 'x', '1.2.3', '1,2,3', '1e', 'Infinity', '--1'])('refuses "%s"', (text) =>
    expect(readNumber(text)).toBeNull(),
  );
});

describe('numberProblem', () => {
  it('names what is wrong', () => {
    expect(numberProblem(null, {})).toBe('not_a_number');
    expect(numberProblem(1.5, { integer: true })).toBe('not_whole');
    expect(numberProblem(0, { min: 1 })).toBe('too_small');
    expect(numberProblem(9, { max: 8 })).toBe('too_large');
    expect(numberProblem(8, { min: 8, max: 8, integer: true })).toBeNull();
  });
});

describe('stepNumber', () => {
  it('steps whole numbers by one and keeps to the limits', () => {
    expect(stepNumber(16, 1, { integer: true, max: 16 })).toBe(16);
    expect(stepNumber(16, -1, { integer: true, min: 1 })).toBe(15);
  });

  it('steps small numbers by their own magnitude', () => {
    expect(stepNumber(0.0002, 1, {})).toBe(0.0003);
    expect(stepNumber(0.0001, -1, { min: 0 })).toBe(0.00009);
    expect(stepNumber(1, 1, {})).toBe(2);
  });
});
