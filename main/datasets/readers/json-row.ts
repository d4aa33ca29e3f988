import type { ReadRow, RefusalDetails } from '../types.ts';
import { MAX_ROW_CHARS } from './line-splitter.ts';
import type { Utf8Decoder } from './utf8-decoder.ts';

/** The text of one JSON object as a row. */
export function parseJsonRow(line: number, text: string, decoder: Utf8Decoder): ReadRow {
  if (decoder.isDamaged(text)) return damagedRow(line);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { line, refusal: { code: 'invalid_json', ...jsonReason(error) } };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const found = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`;
    const message = `A row must be a JSON object {…}, this is ${found}.`;
    return { line, refusal: { code: 'not_an_object', message, details: { found } } };
  }
  return { line, value: value as Record<string, unknown> };
}

export function damagedRow(line: number): ReadRow {
  return { line, refusal: { code: 'invalid_utf8', message: 'Holds bytes that are not UTF-8.' } };
}

export function rowTooLong(line: number): ReadRow {
  return {
    line,
    refusal: {
      code: 'row_too_long',
      message: `Longer than ${MAX_ROW_CHARS} characters.`,
      details: { most: MAX_ROW_CHARS },
    },
  };
}

/** Sentences of V8 without what it repeats of the text: a row may be private, and this is kept in files. */
const REASONS: [RegExp, string][] = [
  [/^Unexpected end of JSON input/, 'it ends too early'],
  [/^Unterminated string/, 'a text has no closing quotation mark'],
  [/^Bad control character/, 'a text holds a line end or another control character'],
  [/^Bad escaped character|^Bad Unicode escape/, 'a text holds a backslash that begins no escape'],
  [/^Expected property name/, 'the name of a property is missing'],
  [/^Expected double-quoted property name/, 'the name of a property is missing'],
  [/^Expected ':'/, "a ':' is missing"],
  [/^Expected ','/, "a ',' or a closing bracket is missing"],
  [/^Unexpected non-whitespace character/, 'text follows its end'],
  [/number/, 'a number is not written as JSON has it'],
];

/** What is wrong with a text that JSON.parse refused: no part of the text itself, and the 1-based character if V8 says it. */
export function jsonReason(error: unknown): { message: string; details: RefusalDetails } {
  const told = (error as Error).message;
  const reason =
    REASONS.find(([pattern]) => pattern.test(told))?.[1] ?? 'a character stands where none or another should be';
  const place = /at position (\d+)/.exec(told);
  const character = place === null ? null : Number(place[1]) + 1;
  return {
    message: `Not valid JSON: ${reason}${character === null ? '' : ` (character ${character})`}.`,
    details: character === null ? {} : { character },
  };
}
