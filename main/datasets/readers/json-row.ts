import type { ReadRow } from '../types.ts';
import { MAX_ROW_CHARS } from './line-splitter.ts';
import type { Utf8Decoder } from './utf8-decoder.ts';

/** The text of one JSON object as a row. */
export function parseJsonRow(line: number, text: string, decoder: Utf8Decoder): ReadRow {
  if (decoder.isDamaged(text)) return damagedRow(line);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { line, refusal: { code: 'invalid_json', message: `Not valid JSON: ${jsonReason(error)}` } };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const found = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`;
    return { line, refusal: { code: 'not_an_object', message: `A row must be a JSON object {…}, this is ${found}.` } };
  }
  return { line, value: value as Record<string, unknown> };
}

export function damagedRow(line: number): ReadRow {
  return { line, refusal: { code: 'invalid_utf8', message: 'Holds bytes that are not UTF-8.' } };
}

export function rowTooLong(line: number): ReadRow {
  return { line, refusal: { code: 'row_too_long', message: `Longer than ${MAX_ROW_CHARS} characters.` } };
}

/** V8 repeats the text in its message; what is wrong is enough, and a row may be private. */
function jsonReason(error: unknown): string {
  const reason = (error as Error).message;
  return reason.replace(/,? (\.\.\.)?"[\s\S]*" is not valid JSON$/, '').replace(/ \(line 1 column \d+\)$/, '');
}
