import type { RowReader } from '../types.ts';
import { findDelimiter, indexCsv, readCsv } from './csv.ts';
import type { SplitPart } from './json-shape.ts';
import { openJson } from './json.ts';
import { indexJsonl, readJsonl } from './jsonl.ts';
import { openSource } from './source.ts';
import { indexTxt, readTxt } from './txt.ts';

/**
 * Opens a dataset file as rows. Every row is read or refused with its line; no row ends the reading.
 * @param part which one is read of a file that holds splits
 * @throws DatasetError dataset_not_found, dataset_unreadable, dataset_encoding, dataset_kind_unsupported, dataset_shape_unclear,
 *   dataset_empty
 */
export async function openReader(path: string, part: SplitPart = 'train'): Promise<RowReader> {
  const source = await openSource(path);
  const { kind, size_bytes } = source;
  switch (kind) {
    case 'jsonl':
      return {
        kind,
        path,
        size_bytes,
        batches: () => readJsonl(source),
        index: (starts) => indexJsonl(source, starts),
      };
    case 'json':
      return { kind, path, size_bytes, ...(await openJson(source, part)) };
    case 'csv': {
      const delimiter = findDelimiter(source.head);
      return {
        kind,
        path,
        size_bytes,
        delimiter,
        batches: () => readCsv(source, delimiter),
        index: (starts) => indexCsv(source, delimiter, starts),
      };
    }
    case 'txt':
      return {
        kind,
        path,
        size_bytes,
        batches: () => readTxt(source),
        index: (starts) => indexTxt(source, starts),
      };
  }
}
