import type { Database } from 'better-sqlite3';

/** A dataset file as it was last read. */
export interface DatasetRow {
  sha256: string;
  path: string;
  size_bytes: number;
  format: string;
  rows_read: number;
  rows_used: number;
  seen_ms: number;
}

/** Dataset files by the hash of their bytes. */
export class DatasetStore {
  private readonly db: Database;

  constructor(db: Database) {
    this.db = db;
  }

  /** Notes a dataset, or how it was read last. */
  put(dataset: DatasetRow): void {
    this.db
      .prepare(
        `INSERT INTO datasets (sha256, path, size_bytes, format, rows_read, rows_used, seen_ms)
         VALUES (@sha256, @path, @size_bytes, @format, @rows_read, @rows_used, @seen_ms)
         ON CONFLICT (sha256) DO UPDATE SET path = excluded.path, format = excluded.format,
           rows_read = excluded.rows_read, rows_used = excluded.rows_used, seen_ms = excluded.seen_ms`,
      )
      .run(dataset);
  }
}
