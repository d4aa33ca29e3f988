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
    return {
      line,
      refusal: { code: 'invalid_json', message: `Not valid JSON: ${jsonReason(error)}`, details: placeIn(error) },
    };
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

/** Where the text breaks, if V8 says so: the 1-based character of the row. */
function placeIn(error: unknown): RefusalDetails {
  const found = /at position (\d+)/.exec((error as Error).message);
  return found === null ? {} : { character: Number(found[1]) + 1 };
}

/** V8 repeats the text in its message; what is wrong is enough, and a row may be private. */
function jsonReason(error: unknown): string {
  const reason = (error as Error).message;
  return reason.replace(/,? (\.\.\.)?"[\s\S]*" is not valid JSON$/, '').replace(/ \(line 1 column \d+\)$/, '');
}
