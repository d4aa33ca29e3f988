import { open } from 'node:fs/promises';
import type { ReadRow } from '../types.ts';
import { readError, type Source } from './source.ts';

/** Rows that are read side by side: one at a time would wait for the scheduler at each. */
const BATCH_ROWS = 64;

/** Bytes of a dataset, with line ends as its chunks have them. */
type BytesAt = (start: number, length: number) => Promise<Buffer>;

/**
 * Reads rows of a file at their places, in this order, some of them at a time.
 * @param rowAt makes a row; null where there is none
 * @throws DatasetError dataset_not_found, dataset_unreadable
 */
export async function* readPlaces(
  source: Source,
  places: Iterable<number>,
  rowAt: (place: number, bytesAt: BytesAt) => Promise<ReadRow | null>,
): AsyncGenerator<ReadRow[], void, undefined> {
  const { path } = source;
  const file = await open(path).catch((error: unknown) => {
    throw readError(path, error);
  });
  const bytesAt: BytesAt = async (start, length) => {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, start);
    return source.withLineFeeds(buffer.subarray(0, bytesRead));
  };
  const readBatch = async (batch: number[]) => {
    const rows = await Promise.all(batch.map((place) => rowAt(place, bytesAt)));
    return rows.filter((row) => row !== null);
  };
  try {
    let batch: number[] = [];
    for (const place of places) {
      if (batch.push(place) < BATCH_ROWS) continue;
      yield await readBatch(batch);
      batch = [];
    }
    yield await readBatch(batch);
  } finally {
    await file.close();
  }
}
