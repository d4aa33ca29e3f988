import type { ReadRow, RowIndex } from '../types.ts';
import { ElementSplitter, type Container } from './json-elements.ts';
import { parseJsonRow, rowTooLong } from './json-row.ts';
import { MAX_ROW_CHARS } from './line-splitter.ts';
import { readPlaces } from './read-places.ts';
import type { Source } from './source.ts';
import { Utf8Decoder } from './utf8-decoder.ts';

/** Where a file's elements are: behind so many characters, on this line; whether the file goes on behind their container. */
export interface ElementsPlace {
  container: Container;
  line: number;
  chars: number;
  isPart: boolean;
}

/** Numbers that are kept for an element: where it starts, its length in bytes, and its line. */
const NUMBERS = 3;
/** A character has at most three bytes for each of its UTF-16 halves. */
const MAX_ROW_BYTES = 3 * MAX_ROW_CHARS;

/** The name in front of an entry's value. */
const KEY = /^"(?:[^"\\]|\\.)*"\s*:\s*/;

/** @param text the element's, null where it is too long */
export function rowOfElement(place: ElementsPlace, line: number, text: string | null, decoder: Utf8Decoder): ReadRow {
  const value = place.container === 'entries' ? (text?.replace(KEY, '') ?? null) : text;
  return value === null ? rowTooLong(line) : parseJsonRow(line, value, decoder);
}

/**
 * An index of the elements of a JSON file, by their number from 0. Memory: 24 bytes an element.
 * @param known what an index of the same file had as `starts`
 * @throws DatasetError dataset_unreadable
 */
export async function indexJson(source: Source, place: ElementsPlace, known?: Float64Array): Promise<RowIndex> {
  const starts = known ?? (await findElements(source, place));
  return {
    starts,
    read: (numbers) =>
      readPlaces(source, numbers, async (number, bytesAt) => {
        const [start = 0, length = 0, line = 1] = starts.subarray(NUMBERS * number, NUMBERS * (number + 1));
        const decoder = new Utf8Decoder();
        const text = length > MAX_ROW_BYTES ? null : decoder.decode(await bytesAt(start, length));
        const isShort = text !== null && text.length <= MAX_ROW_CHARS;
        return { ...rowOfElement(place, line, isShort ? text : null, decoder), place: number };
      }),
  };
}

/** Brackets, quotation marks and line ends are ASCII, so each byte may pass for a character: places are bytes then. */
async function findElements(source: Source, place: ElementsPlace): Promise<Float64Array> {
  const skipped = await bytesOf(source, place.chars);
  let numbers = new Float64Array(NUMBERS * 1024);
  let count = 0;
  const splitter = new ElementSplitter(
    place.container,
    place,
    (line, _text, start, length) => {
      if (count === numbers.length) {
        const grown = new Float64Array(numbers.length * 2);
        grown.set(numbers);
        numbers = grown;
      }
      numbers.set([source.start_bytes + skipped + start, length, line], count);
      count += NUMBERS;
    },
    () => undefined,
  );
  let skip = skipped;
  for await (const chunk of source.chunks()) {
    if (skip < chunk.length) splitter.push(chunk.toString('latin1', skip));
    skip = Math.max(0, skip - chunk.length);
  }
  splitter.flush();
  return numbers.subarray(0, count);
}

/** How many bytes of a file its first characters are. */
async function bytesOf(source: Source, chars: number): Promise<number> {
  if (chars === 0) return 0;
  const decoder = new Utf8Decoder();
  let left = chars;
  let bytes = 0;
  for await (const chunk of source.chunks()) {
    const text = decoder.push(chunk).slice(0, left);
    bytes += decoder.bytesOf(text);
    left -= text.length;
    if (left === 0) break;
  }
  return bytes;
}
