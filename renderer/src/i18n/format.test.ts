import { describe, expect, it } from 'vitest';
import { createFormat } from './format.ts';

const en = createFormat('en');
const es = createFormat('es');

describe('createFormat', () => {
  it('writes counts in the way of the language', () => {
    expect(en.integer(12345)).toBe('12,345');
    expect(es.integer(12345)).toBe('12.345');
    expect(es.integer(1234)).toBe('1.234');
    expect(en.integer(null)).toBe('–');
    expect(en.decimal(Number.NaN)).toBe('–');
  });

  it('writes parameters as model names do', () => {
    expect(en.compact(134_515_008)).toBe('135M');
    expect(es.compact(1_700_000_000)).toBe('1,7B');
  });

  it('writes sizes in the unit that fits', () => {
    expect(en.bytes(0)).toBe('0 B');
    expect(en.bytes(98_000_000)).toBe('93.5 MB');
    expect(es.bytes(1.5 * 1024 ** 3)).toBe('1,5 GB');
    expect(en.bytes(1010 * 1024)).toBe('0.986 MB');
  });

  it('writes times in their two largest units', () => {
    expect(en.duration(400)).toBe('0.4 s');
    expect(en.duration(65_000)).toBe('1 min 5 s');
    expect(en.duration(3_600_000)).toBe('1 h 0 min');
    expect(en.duration(90_000_000)).toBe('1 d 1 h');
  });

  it('rounds times that are only estimated', () => {
    expect(en.roughDuration(1_576_000)).toBe('26 min');
    expect(en.roughDuration(152_000)).toBe('2 min 30 s');
    expect(en.roughDuration(5_400_000)).toBe('1 h 30 min');
    expect(en.roughDuration(43_000)).toBe('45 s');
    expect(en.roughDuration(100)).toBe('1 s');
  });

  it('writes shares', () => {
    expect(en.percent(0.0363)).toBe('3.6%');
    expect(en.percent(0.5)).toBe('50%');
    expect(en.percent(0)).toBe('0%');
  });

  it('writes settings as people do', () => {
    expect(en.setting(0.0002)).toBe('2e-4');
    expect(en.setting(1e-8)).toBe('1e-8');
    expect(en.setting(0.05)).toBe('0.05');
    expect(es.setting(0.05)).toBe('0,05');
    expect(en.setting(0)).toBe('0');
  });

  it('says how long ago something was', () => {
    expect(en.ago(0, 1000)).toBe('now');
    expect(en.ago(0, 3 * 3_600_000)).toBe('3 hours ago');
    expect(es.ago(0, 2 * 86_400_000)).toBe('anteayer');
  });

  it('chooses between one and many', () => {
    expect(en.plural(1, { one: '# row', other: '# rows' })).toBe('1 row');
    expect(es.plural(2000, { one: '# fila', other: '# filas' })).toBe('2.000 filas');
  });
});

it('writes a time of the day to the second', () => {
  const time = new Date(2026, 0, 2, 15, 4, 5).getTime();
  expect(createFormat('es').timeOfDay(time)).toBe('15:04:05');
  expect(createFormat('en').timeOfDay(null)).toBe('–');
});
