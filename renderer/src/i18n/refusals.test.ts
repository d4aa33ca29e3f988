import { expect, test } from 'vitest';
import { REFUSAL_CODES } from '../../../main/contracts/refusals.ts';
import { refusalText } from '../pages/new-run/refusal-text.ts';
import { en } from './en/index.ts';
import { es } from './es/index.ts';

test('Spanish knows why a row can be refused, whatever the reason', () => {
  for (const code of REFUSAL_CODES) {
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
