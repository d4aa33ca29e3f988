import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { refusalText } from '../pages/new-run/refusal-text.ts';
import { en } from './en/index.ts';
import { es } from './es/index.ts';

const declared = readFileSync(join(import.meta.dirname, '../../../main/datasets/types.ts'), 'utf8');
const codes = [.../export type RefusalCode =([^;]+);/.exec(declared)![1]!.matchAll(/'([a-z_0-9]+)'/g)].map(
  ([, code]) => code!,
);

test('Spanish knows why a row can be refused, whatever the reason', () => {
  expect(codes.length).toBeGreaterThan(10);
  for (const code of codes) {
    const told = refusalText({ code, message: 'In English.' }, es);
    expect(told, code).not.toBe('In English.');
    expect(told, code).not.toMatch(/undefined|null/);
  }
});

test('a refused row is told with its particulars', () => {
  const told = (code: string, details: Record<string, string | number>) =>
    refusalText({ code, message: 'In English.', details }, es);
  expect(told('invalid_json', { character: 12 })).toBe('No es JSON válido: falla en el carácter 12.');
  expect(told('wrong_type', { column: 'prompt', expected: 'text', found: 'a number' })).toBe(
    'La columna «prompt» debe ser texto, y es un número.',
  );
  expect(told('wrong_type', { turn: 2, key: 'content' })).toBe('El turno 2 no tiene «content».');
  expect(told('empty_content', { turn: 3 })).toBe('El turno 3 está vacío.');
});

test('English stays as the datasets layer says it', () => {
  expect(refusalText({ code: 'invalid_json', message: 'Not valid JSON.', details: {} }, en)).toBe('Not valid JSON.');
});
