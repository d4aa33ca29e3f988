import { openDataset, type OpenOptions } from './dataset.ts';
import { DatasetError, RowError } from './errors.ts';
import { openReader } from './readers/index.ts';
import { answersOf, tokenRow } from './row-renderer.ts';
import type { PromptTemplate } from './templates/index.ts';
import { splitLongText } from './text-windows.ts';
import type { Refusal, RowPart, Segment } from './types.ts';

/** A row as the model will see it, or why it can't be used. Long plain text gives several of the same line. */
export interface PreviewedRow {
  line: number;
  segments: Segment[];
  /** Which answer it has, in preference data: a pair gives two rows of the same line. */
  part: RowPart | null;
  /** Plain text, which becomes several rows where its tokens are too many for one. */
  isText: boolean;
  refusal: Refusal | null;
}

export interface PreviewOptions extends OpenOptions {
  template: PromptTemplate;
  max_seq_len: number;
  /** Rows of the file to leave out at its start, refused ones included. */
  offset: number;
  limit: number;
  signal?: AbortSignal;
}

/** Rows whose columns are looked at for their names. */
const NAMED_ROWS = 50;

/**
 * Some rows of a dataset, rendered. The file is read up to them and no further.
 * @throws DatasetError as openDataset, and dataset_cancelled
 */
export async function previewRows(options: PreviewOptions): Promise<{ rows: PreviewedRow[]; has_more: boolean }> {
  const { template, max_seq_len, offset, limit, signal } = options;
  const dataset = await openDataset(options);
  const shown: PreviewedRow[] = [];
  let taken = 0;
  let at = 0;
  for await (const { rows } of dataset.batches()) {
    if (signal?.aborted === true)
      throw new DatasetError('dataset_cancelled', 'Reading the dataset was cancelled.', 'Start again when ready.');
    for (const row of rows) {
      if (at++ < offset) continue;
      if (taken >= limit) return { rows: shown, has_more: true };
      taken += 1;
      const { line } = row;
      if (row.refusal !== undefined) {
        shown.push({ line, segments: [], part: null, isText: false, refusal: row.refusal });
        continue;
      }
      try {
        const parts = splitLongText(row.conversation, max_seq_len).flatMap((part) =>
          answersOf(tokenRow(template, part)),
        );
        const isText = row.conversation.kind === 'text';
        for (const { segments, part } of parts) shown.push({ line, segments, part, isText, refusal: null });
      } catch (error) {
        if (!(error instanceof RowError)) throw error;
        shown.push({ line, segments: [], part: null, isText: false, refusal: error.toRefusal() });
      }
    }
  }
  return { rows: shown, has_more: false };
}

/** Names of the columns of a dataset's first rows, in the order in which they come. @throws DatasetError */
export async function listColumns(path: string): Promise<string[]> {
  const reader = await openReader(path);
  const names = new Set<string>();
  let seen = 0;
  for await (const { rows } of reader.batches()) {
    for (const { value } of rows) {
      if (value === undefined) continue;
      for (const name of Object.keys(value)) names.add(name);
      if (++seen >= NAMED_ROWS) return [...names];
    }
  }
  return [...names];
}
