import { DatasetError } from '../errors.ts';
import type { ReadRow, RowBatch, FileShape } from '../types.ts';
import { ElementSplitter } from './json-elements.ts';
import { indexJson, rowOfElement, type ElementsPlace } from './json-index.ts';
import { OutlineScanner } from './json-outline.ts';
import { jsonReason } from './json-row.ts';
import { planOf, validationOf, type JsonPlan, type SplitPart } from './json-shape.ts';
import type { Source } from './source.ts';
import { Utf8Decoder } from './utf8-decoder.ts';

/** Largest file whose columns are turned into rows: it must be in memory as a whole. */
const MOST_COLUMN_BYTES = 256 * 1024 * 1024;

/**
 * A JSON file whose rows were found: a list of them, objects one after another, a named list in an object, an object of rows, or
 * columns.
 * @throws DatasetError dataset_shape_unclear, dataset_unreadable
 */
export async function openJson(source: Source, part: SplitPart) {
  const plan = await findPlan(source, part);
  const place = placeOf(plan);
  if (place === null) return { shape: shapeOf(plan), batches: () => readColumns(source) };
  return {
    shape: shapeOf(plan),
    batches: () => readElements(source, place),
    index: (known?: Float64Array) => indexJson(source, place, known),
  };
}

async function findPlan(source: Source, part: SplitPart): Promise<JsonPlan> {
  if (source.head.trimStart().startsWith('[')) return { shape: 'list' };
  const decoder = new Utf8Decoder();
  const scanner = new OutlineScanner();
  for await (const chunk of source.chunks()) if (!scanner.push(decoder.push(chunk))) break;
  return planOf(source.path, scanner.outline, part);
}

function shapeOf(plan: JsonPlan): FileShape {
  const { shape } = plan;
  if (shape !== 'named') return { kind: shape };
  const validation = validationOf(plan)?.name;
  const lists = plan.other_lists.map(({ name, children }) => ({ name, rows: children }));
  const { name } = plan.list;
  return { kind: 'named', list: name, not_read: plan.not_read, other_lists: lists, ...(validation && { validation }) };
}

/** Where the elements are that are the rows; null for columns. */
function placeOf(plan: JsonPlan): ElementsPlace | null {
  switch (plan.shape) {
    case 'list':
      return { container: 'list', line: 1, chars: 0, isPart: false };
    case 'objects':
      return { container: 'values', line: 1, chars: 0, isPart: false };
    case 'entries':
      return { container: 'entries', line: 1, chars: 0, isPart: false };
    case 'named':
      return { container: 'list', line: plan.list.line, chars: plan.list.start_chars, isPart: true };
    case 'columns':
      return null;
  }
}

async function* readElements(source: Source, place: ElementsPlace): AsyncGenerator<RowBatch, void, undefined> {
  const decoder = new Utf8Decoder();
  let rows: ReadRow[] = [];
  let elements = 0;
  const splitter = new ElementSplitter(
    place.container,
    place,
    (line, text) => {
      const row = rowOfElement(place, line, text, decoder);
      row.place = elements++;
      rows.push(row);
    },
    (line, message) => rows.push({ line, refusal: { code: 'invalid_json', message } }),
  );
  let bytes_read = 0;
  let skip = place.chars;
  for await (const chunk of source.chunks()) {
    bytes_read += chunk.length;
    const text = decoder.push(chunk);
    if (skip < text.length) splitter.push(skip === 0 ? text : text.slice(skip));
    skip = Math.max(0, skip - text.length);
    yield { rows, bytes_read };
    rows = [];
  }
  splitter.push(decoder.flush());
  splitter.flush();
  yield { rows, bytes_read };
}

/** Rows out of columns; `line` is a row's number. */
async function* readColumns(source: Source): AsyncGenerator<RowBatch, void, undefined> {
  const { path, size_bytes } = source;
  if (size_bytes > MOST_COLUMN_BYTES) {
    throw new DatasetError(
      'dataset_shape_unclear',
      `The dataset ${path} holds its values column by column in ${size_bytes} bytes; that is read up to ${MOST_COLUMN_BYTES}.`,
      'Write one JSON object a row into a .jsonl file.',
      { path, reason: `${size_bytes} > ${MOST_COLUMN_BYTES}`, found: [] },
    );
  }
  const parts: Buffer[] = [];
  for await (const chunk of source.chunks()) parts.push(chunk);
  const decoder = new Utf8Decoder();
  const text = decoder.decode(Buffer.concat(parts));
  let table: Record<string, unknown>;
  try {
    table = JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    yield { rows: [{ line: 1, refusal: { code: 'invalid_json', ...jsonReason(error) } }], bytes_read: size_bytes };
    return;
  }
  yield { rows: rowsOf(table).map((value, index) => ({ line: index + 1, value })), bytes_read: size_bytes };
}

function rowsOf(table: Record<string, unknown>): Record<string, unknown>[] {
  const { columns, data } = table;
  if (Array.isArray(columns) && Array.isArray(data) && Array.isArray(data[0])) {
    return (data as unknown[][]).map((values) =>
      Object.fromEntries(columns.map((name, index) => [String(name), values[index]])),
    );
  }
  const names = Object.keys(table);
  const numbers = [...new Set(names.flatMap((name) => Object.keys(table[name] as object)))];
  return numbers.map((number) =>
    Object.fromEntries(names.map((name) => [name, (table[name] as Record<string, unknown>)[number]])),
  );
}
