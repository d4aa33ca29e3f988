import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Ajv } from 'ajv';
import { likeliest } from './choice.ts';
import { chrfCounts, chrfOf } from './chrf.ts';
import { compareFields, isValidJson } from './json.ts';
import { lastNumber, sameNumber } from './number.ts';
import { rougeL, tokenF1 } from './overlap.ts';
import { matchesPattern } from './regex.ts';
import { spaced } from './words.ts';
import { sumOf } from '../statistics/bootstrap.ts';

interface Reference {
  pairs: { answer: string; expected: string; chrf: number; rouge_l: number; token_f1: number | null }[];
  corpus_chrf: number;
}
const reference = JSON.parse(readFileSync(join(import.meta.dirname, '../reference/metrics.json'), 'utf8')) as Reference;

/** Both sides compute in doubles; only the order of a few additions differs. */
const DIGITS = 10;

describe.each(reference.pairs)('$answer | $expected', ({ answer, expected, chrf, rouge_l, token_f1 }) => {
  it('is as sacrebleu, rouge-score and lm-eval-harness have it', () => {
    expect(chrfOf(chrfCounts(answer, expected))).toBeCloseTo(chrf, DIGITS);
    expect(rougeL(answer, expected)).toBeCloseTo(rouge_l, DIGITS);
    expect(tokenF1(answer, expected)).toBeCloseTo(token_f1 ?? 1, DIGITS);
  });
});

it("has sacrebleu's chrF of all pairs together", () => {
  const counts = sumOf(reference.pairs.map(({ answer, expected }) => chrfCounts(answer, expected)));
  expect(chrfOf(counts)).toBeCloseTo(reference.corpus_chrf, DIGITS);
});

it('compares exactly but for blanks and composed characters', () => {
  expect(spaced('  a\n b ')).toBe('a b');
  expect(spaced('cafe\u0301')).toBe(spaced('café'));
  expect(spaced('Paris')).not.toBe(spaced('paris'));
});

describe('number', () => {
  it.each([
    ['so 1,234.5 in all', 1234.5],
    ['son 1.234,5 en total', 1234.5],
    ['1,234 loaves', 1234],
    ['1.234.567', 1234567],
    ['it is 3,5', 3.5],
    ['pi is 3.142', 3.142],
    ['#### -17', -17],
    ['−4 °C', -4],
    ['from 3-5', 5],
    ['item-7', 7],
    ['2e3', 2000],
    ['12 then 7.', 7],
    ['.5', 0.5],
  ])('the last of "%s" is %d', (text, value) => {
    expect(lastNumber(text)).toBe(value);
  });

  it('is none where there is none, and has a tolerance', () => {
    expect(lastNumber('none')).toBe(null);
    expect(sameNumber('none', 'none', 1)).toBe(false);
    expect(sameNumber('0.30000000000000004', '0.3', 0)).toBe(true);
    expect(sameNumber('9.9', '10', 0)).toBe(false);
    expect(sameNumber('9.9', '10', 0.1)).toBe(true);
  });
});

describe('regex', () => {
  it('must match, and with a group find what the row has', () => {
    expect(matchesPattern(/^\d+$/u, '12', 'any')).toBe(true);
    expect(matchesPattern(/^\d+$/u, 'twelve', '12')).toBe(false);
    expect(matchesPattern(/answer: (\w+)/u, 'The answer: blue.', 'answer: blue')).toBe(true);
    expect(matchesPattern(/answer: (\w+)/u, 'The answer: red.', 'answer: blue')).toBe(false);
  });
});

describe('json', () => {
  const fields = (answer: string, expected: string) => Object.fromEntries(compareFields(answer, expected, null));

  it('is valid in a fence, and not with words around it', () => {
    expect(isValidJson('```json\n{"a": 1}\n```')).toBe(true);
    expect(isValidJson('Here: {"a": 1}')).toBe(false);
  });

  it('compares field by field, whatever their order', () => {
    expect(fields('{"b":[1,3],"a":"x","extra":0}', '{"a":"x","b":[1,2]}')).toEqual({
      a: true,
      'b/0': true,
      'b/1': false,
      extra: false,
    });
    expect(fields('not json', '{"a":1,"b":2}')).toEqual({ a: false, b: false });
    expect(fields('{"a":"1"}', '{"a":1}')).toEqual({ a: false });
  });

  it('counts what breaks the schema as wrong', () => {
    const schema = new Ajv({ allErrors: true }).compile({
      type: 'object',
      properties: { size: { enum: ['small', 'large'] }, name: { type: 'string' } },
      required: ['size', 'name'],
    });
    const right = (answer: string, expected: string) => Object.fromEntries(compareFields(answer, expected, schema));
    expect(right('{"size":"huge","name":"x"}', '{"size":"huge","name":"x"}')).toEqual({ size: false, name: true });
    expect(right('{"size":"small"}', 'no json')).toEqual({ size: true, name: false });
    expect(right('nothing', 'no json')).toEqual({ size: false, name: false });
  });
});

it('takes the likeliest option, and the likeliest a character', () => {
  expect(likeliest([4, 3, 9], ['a', 'bb', 'c'.repeat(30)])).toEqual({ plain: 1, normalised: 2 });
  expect(likeliest([2, 2], ['a', 'b'])).toEqual({ plain: 0, normalised: 0 });
});
