import { DatasetError, RowError } from './errors.ts';
import { chooseFormat, toConversation } from './formats/index.ts';
import type { ObjectiveName } from './objectives.ts';
import { openReader } from './readers/index.ts';
import type { SplitPart } from './readers/json-shape.ts';
import type {
  ColumnMap,
  Conversation,
  FileKind,
  FileShape,
  ReadRow,
  Refusal,
  RowBatch,
  RowFormat,
  RowIndex,
  RowReader,
} from './types.ts';

/** Rows that the format is recognised from, and how many refused ones are passed over to find them. */
const SAMPLE_ROWS = 50;
const SAMPLE_REFUSED = 10_000;

export interface OpenOptions {
  path: string;
  /** Default `auto`: recognised from the first rows. */
  format?: RowFormat | 'auto';
  /** Columns that don't have one of the usual names. */
  columns?: ColumnMap;
  /** What is to be learned: it decides what the rows must be. Default: rows of any kind, pairs included. */
  objective?: ObjectiveName | undefined;
  /** Which part is read of a file that holds splits. Default `train`. */
  part?: SplitPart;
}

/**
 * A row in its common shape, or why it can't be used. `line` and `place` are as in ReadRow; `unused` are names of what the row holds besides, and `value`
 * the row as it was read.
 */
export type DatasetRow =
  | {
      line: number;
      place?: number | undefined;
      conversation: Conversation;
      unused: string[];
      value: Record<string, unknown>;
      refusal?: undefined;
    }
  | { line: number; conversation?: undefined; refusal: Refusal };

export interface DatasetBatch {
  rows: DatasetRow[];
  bytes_read: number;
}

/** A dataset whose format is known; `batches` reads it from its start at each call. */
export interface Dataset {
  path: string;
  kind: FileKind;
  /** Where in a JSON file the rows are. */
  shape: FileShape | undefined;
  size_bytes: number;
  format: RowFormat;
  format_reason: string;
  columns: ColumnMap;
  batches(): AsyncGenerator<DatasetBatch, void, undefined>;
  /**
   * Some of the rows that can be used, in this order. The file is read at these places only; a JSON file of columns once through, with
   * these rows in memory.
   * @param numbers counted from 0 @param places of all rows that can be used
   */
  rowsAt(numbers: readonly number[], places: Uint32Array): AsyncGenerator<DatasetRow[], void, undefined>;
  /** Rows are read at their places, without what lies between. */
  has_index: boolean;
  /** What the file's index knows (RowIndex); null for a kind of file that has none. Found out when first asked for. */
  starts(): Promise<Float64Array | null>;
  /** Takes what `starts` answered before, of the same file. */
  useStarts(starts: Float64Array): void;
}

/**
 * Opens a dataset and recognises its format.
 * @throws DatasetError dataset_not_found, dataset_unreadable, dataset_encoding, dataset_kind_unsupported,
 *   dataset_shape_unclear, dataset_format_unknown, dataset_column_missing, dataset_turns_as_rows, dataset_preference_pairs,
 *   dataset_unfit_objective, dataset_empty
 */
export async function openDataset(options: OpenOptions): Promise<Dataset> {
  const reader = await openReader(options.path, options.part);
  const sample = await readSample(reader);
  const { format, columns, reason } = chooseFormat(
    options.path,
    sample,
    options.format ?? 'auto',
    options.columns ?? {},
    options.objective,
  );
  let index: Promise<RowIndex> | null = null;
  const openIndex = (starts?: Float64Array) => (index ??= reader.index?.(starts) ?? null);
  return {
    path: options.path,
    kind: reader.kind,
    shape: reader.shape,
    size_bytes: reader.size_bytes,
    format,
    format_reason: reason,
    columns,
    batches: () => convert(reader.batches(), format, columns),
    rowsAt: async function* (numbers, places) {
      const rows = await openIndex();
      if (rows === null) {
        yield await pick(convert(reader.batches(), format, columns), numbers);
        return;
      }
      for await (const batch of rows.read(numbers.map((number) => places[number]!)))
        yield batch.map((row) => convertRow(row, format, columns));
    },
    has_index: reader.index !== undefined,
    starts: async () => (await openIndex())?.starts ?? null,
    useStarts: (starts) => void openIndex(starts),
  };
}

/** Reads a file through for some of its rows, and gives them in the order in which they were asked for. */
async function pick(batches: AsyncGenerator<DatasetBatch>, numbers: readonly number[]): Promise<DatasetRow[]> {
  const wanted = new Set(numbers);
  const found = new Map<number, DatasetRow>();
  let number = 0;
  for await (const { rows } of batches) {
    for (const row of rows) {
      if (row.refusal !== undefined) continue;
      if (wanted.has(number)) found.set(number, row);
      number += 1;
    }
    if (found.size === wanted.size) break;
  }
  return numbers.flatMap((one) => found.get(one) ?? []);
}

async function readSample(reader: RowReader): Promise<Record<string, unknown>[]> {
  const sample: Record<string, unknown>[] = [];
  let refused = 0;
  let first: { line: number; refusal: Refusal } | null = null;
  for await (const { rows } of reader.batches()) {
    for (const row of rows) {
      if (row.value !== undefined) {
        if (sample.push(row.value) >= SAMPLE_ROWS) return sample;
      } else {
        refused += 1;
        first ??= row;
      }
    }
    if (refused >= SAMPLE_REFUSED) break;
  }
  if (sample.length > 0) return sample;
  const { path } = reader;
  const why = first === null ? 'It holds no row.' : `Line ${first.line}: ${first.refusal.message}`;
  throw new DatasetError(
    'dataset_empty',
    `The dataset ${path} has no row that can be used. ${why}`,
    'Check that the file is what its name says: one JSON object a line for .jsonl, a list of objects for .json, a first line with column names for .csv.',
    {
      path,
      refused_rows: refused,
      line: first?.line ?? null,
      reason: first?.refusal.code ?? null,
    },
  );
}

async function* convert(
  batches: AsyncGenerator<RowBatch, void, undefined>,
  format: RowFormat,
  columns: ColumnMap,
): AsyncGenerator<DatasetBatch, void, undefined> {
  for await (const { rows, bytes_read } of batches) {
    yield { rows: rows.map((row) => convertRow(row, format, columns)), bytes_read };
  }
}

function convertRow(row: ReadRow, format: RowFormat, columns: ColumnMap): DatasetRow {
  if (row.refusal !== undefined) return row;
  try {
    const { line, place, value } = row;
    return { line, place, value, ...toConversation(format, value, columns) };
  } catch (error) {
    if (error instanceof RowError) return { line: row.line, refusal: error.toRefusal() };
    throw error;
  }
}
