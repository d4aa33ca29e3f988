import { DatasetError } from '../errors.ts';
import { isRowOfChat } from '../formats/detect.ts';
import type { JsonOutline, JsonProperty } from './json-outline.ts';

/** Where a file's rows are, and what of it is left unread. */
export type JsonPlan =
  | { shape: 'list' }
  /** Objects one after another, each a row; a single one too. */
  | { shape: 'objects' }
  /** The list of this name; `other_lists` are lists of objects beside it, `not_read` all other properties. */
  | { shape: 'named'; list: JsonProperty; other_lists: JsonProperty[]; not_read: string[] }
  /** An object whose values are the rows. */
  | { shape: 'entries' }
  /** A list, or an object, of values for each column. */
  | { shape: 'columns' };

/** Which part of a file that holds splits is read. */
export type SplitPart = 'train' | 'validation';

/** Names of a list that say it is the rows, best first. */
const ROWS = ['data', 'rows', 'examples', 'samples', 'records', 'items', 'instances', 'entries', 'dataset'];
const SPLITS: Record<SplitPart, string[]> = {
  train: ['train', 'training'],
  validation: ['validation', 'valid', 'val', 'dev', 'eval', 'test'],
};

/**
 * What the rows of a file with an object at its top are. The shapes are those that the `datasets` library and pandas write.
 * @throws DatasetError dataset_shape_unclear, naming what was found
 */
export function planOf(path: string, outline: JsonOutline, part: SplitPart): JsonPlan {
  const { properties, count, objects, hasMore } = outline;
  if (hasMore || isRowOfChat(asRow(properties))) return { shape: 'objects' };
  const lists = properties.filter(holdsObjects);
  const isKept = count === properties.length;
  if (isKept && properties.length > 0 && areColumns(properties)) {
    // {"data": [{…}], "tags": ["a"]} has lists of one length too, but one of them is the rows by its name.
    if (named(lists, [...ROWS, ...SPLITS.train]) === undefined) return columns(path, properties);
  }
  const list = named(lists, part === 'train' ? [...ROWS, ...SPLITS.train] : SPLITS.validation) ?? named(lists, ROWS);
  if (list !== undefined) return plan(list, properties, lists);
  if (isKept && isTable(properties)) return { shape: 'columns' };
  if (objects === count && count > 0) return { shape: 'entries' };
  if (lists.length === 1) return plan(lists[0]!, properties, lists);
  if (lists.length > 1) {
    throw unclear(
      path,
      `it holds the lists ${lists.map(({ name, children }) => `"${name}" (${children})`).join(', ')}, and none has a name that says it is the rows`,
      lists,
    );
  }
  return { shape: 'objects' };
}

/** The split that could be validated on, of a file of which the other is read. */
export function validationOf(plan: JsonPlan): JsonProperty | undefined {
  if (plan.shape !== 'named' || !SPLITS.train.includes(plan.list.name.toLowerCase())) return undefined;
  return named(plan.other_lists, SPLITS.validation);
}

function plan(list: JsonProperty, properties: JsonProperty[], lists: JsonProperty[]): JsonPlan {
  const other_lists = lists.filter((other) => other !== list);
  const not_read = properties.filter((other) => other !== list).map(({ name }) => name);
  return { shape: 'named', list, other_lists, not_read };
}

function named(lists: JsonProperty[], names: string[]): JsonProperty | undefined {
  for (const name of names) {
    const found = lists.find((list) => list.name.toLowerCase() === name);
    if (found !== undefined) return found;
  }
  return undefined;
}

const holdsObjects = ({ kind, children, object_children }: JsonProperty) =>
  kind === 'list' && children > 0 && object_children === children;

/** Lists for each column, or objects of values by row number, as pandas writes them. */
function areColumns(properties: JsonProperty[]): boolean {
  const isByNumber = properties.every(({ kind, first_key }) => kind === 'object' && /^\d+$/.test(first_key ?? ''));
  if (isByNumber) return true;
  // Lists of objects alone are splits or tables, and not columns.
  return properties.every(({ kind }) => kind === 'list') && !properties.every(holdsObjects);
}

/** pandas' `split`: names of columns, and rows as lists. */
function isTable(properties: JsonProperty[]): boolean {
  const data = properties.find(({ name }) => name === 'data');
  const names = properties.find(({ name }) => name === 'columns');
  return names?.kind === 'list' && data?.kind === 'list' && data.first?.startsWith('[') === true;
}

function columns(path: string, properties: JsonProperty[]): JsonPlan {
  if (isTable(properties)) return { shape: 'columns' };
  const lengths = new Set(properties.map(({ children }) => children));
  if (lengths.size > 1) {
    throw unclear(
      path,
      `its columns have different lengths: ${properties.map(({ name, children }) => `"${name}" ${children}`).join(', ')}`,
      properties,
    );
  }
  return { shape: 'columns' };
}

function unclear(path: string, reason: string, found: JsonProperty[]): DatasetError {
  return new DatasetError(
    'dataset_shape_unclear',
    `It can't be told which part of ${path} is the rows: ${reason}.`,
    'Put one JSON object a row into a .jsonl file, or all of them into a list called "data".',
    { path, reason, found: found.map(({ name, children }) => `${name} (${children})`) },
  );
}

/** The object as a row, as far as its outline shows it. */
function asRow(properties: JsonProperty[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const { name, kind, first } of properties) {
    row[name] =
      kind === 'text' ? 'text' : kind === 'other' ? 0 : kind === 'object' ? {} : first === null ? [] : [valueOf(first)];
  }
  return row;
}

/** A list's first value; of a long one, whose text is cut, only whether it looks like a turn. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const key = text.startsWith('{') ? /"(role|from)"\s*:/.exec(text)?.[1] : undefined;
    return key === undefined ? null : { [key]: '' };
  }
}
