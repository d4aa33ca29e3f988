import type { Database } from 'better-sqlite3';

/** A model file as it was last seen. */
export interface ModelRow {
  sha256: string;
  path: string;
  file_size_bytes: number;
  modified_ms: number;
  architecture: string;
  base_type: string;
  name: string | null;
  n_params: number;
  seen_ms: number;
}

/** Model files by the hash of their bytes. */
export class ModelStore {
  private readonly db: Database;

  constructor(db: Database) {
    this.db = db;
  }

  /** Notes a model, or where it lies now. */
  put(model: ModelRow): void {
    this.db
      .prepare(
        `INSERT INTO models (sha256, path, file_size_bytes, modified_ms, architecture, base_type, name, n_params, seen_ms)
         VALUES (@sha256, @path, @file_size_bytes, @modified_ms, @architecture, @base_type, @name, @n_params, @seen_ms)
         ON CONFLICT (sha256) DO UPDATE SET path = excluded.path, modified_ms = excluded.modified_ms, seen_ms = excluded.seen_ms`,
      )
      .run(model);
  }

  /** The hash of a file that was seen before and has the same size and time since, so that it need not be read again. */
  knownHash(path: string, file_size_bytes: number, modified_ms: number): string | null {
    const found = this.db
      .prepare('SELECT sha256 FROM models WHERE path = ? AND file_size_bytes = ? AND modified_ms = ?')
      .pluck()
      .get(path, file_size_bytes, modified_ms);
    return (found as string | undefined) ?? null;
  }

  /** The model with this hash. */
  get(sha256: string): ModelRow | null {
    return (this.db.prepare('SELECT * FROM models WHERE sha256 = ?').get(sha256) as ModelRow | undefined) ?? null;
  }

  /** Models by when they were last seen, the newest first. */
  recent(limit: number): ModelRow[] {
    return this.db.prepare('SELECT * FROM models ORDER BY seen_ms DESC LIMIT ?').all(limit) as ModelRow[];
  }
}
