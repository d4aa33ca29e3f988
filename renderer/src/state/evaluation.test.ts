import { describe, expect, it } from 'vitest';
import { differenceText, figureText, roundedUp, saidOf } from './evaluation.ts';
import { createFormat } from '../i18n/format.ts';
import type { Figure } from '../../../main/contracts/ipc.ts';

const wordsOf = (locale: 'en' | 'es', points: string) => {
  const format = createFormat(locale);
  return {
    locale: format.locale,
    decimal: (value: number, digits?: number) => format.decimal(value, digits),
    points: (value: string) => `${value} ${points}`,
  };
};
const en = wordsOf('en', 'points');
const es = wordsOf('es', 'puntos');

describe('figures in words', () => {
  it('has shares in per cent, chrF as it is, losses in nats', () => {
    expect(figureText('exact_match', 0.845, en)).toBe('84.5 %');
    expect(figureText('exact_match', 1, es)).toBe('100,0 %');
    expect(figureText('chrf', 98.64, en)).toBe('98.6');
    expect(figureText('loss', 0.02493, en)).toBe('0.02493');
    expect(figureText('loss', null, en)).toBe('–');
  });

  it('has differences with their sign', () => {
    expect(differenceText('exact_match', -0.125, es)).toBe('−12,5 puntos');
    expect(differenceText('loss', 0.25, en)).toBe('+0.25');
  });

  it('says of no difference that none was seen', () => {
    const figure = { difference: 0, judgement: { kind: 'unclear', rows_needed: null } } as Figure;
    expect(saidOf(figure)).toBe('same');
    expect(saidOf({ ...figure, difference: 0.1 })).toBe('unclear');
    expect(saidOf({ ...figure, judgement: null })).toBe(null);
  });

  it('rounds an estimate of rows up', () => {
    expect([7, 126, 999, 12_345].map(roundedUp)).toEqual([7, 130, 1000, 13_000]);
  });
});
