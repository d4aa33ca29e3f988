import { readExamples, type Example } from '../datasets/index.ts';
import type { RunRow } from '../db/index.ts';
import { RunFolder } from '../runs/index.ts';
import { readOwnFile, requestOf } from './run-summary.ts';

/**
 * What some of a run's rows ask: of the file of validation rows if there is one.
 * @throws DatasetError when the file can't be read any more
 */
export async function examplesOf(row: RunRow, limit: number): Promise<Example[]> {
  const file = readOwnFile(new RunFolder(row.out_dir), row.id);
  const request = requestOf(row);
  const path = file?.val_dataset?.path ?? request?.val_path ?? row.dataset_path;
  const format = file?.dataset.format ?? request?.format ?? 'auto';
  const columns = file?.dataset.columns ?? request?.columns ?? {};
  return await readExamples({ path, format, columns }, limit);
}
