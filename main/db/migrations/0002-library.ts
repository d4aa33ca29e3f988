import type { Migration } from './index.ts';

/**
 * Runs may wait before anything of them was read (so no hashes yet), and are named, tagged and starred; what they said to the
 * person is kept: the log and the answers to the sample prompts.
 *
 * SQLite can't drop a NOT NULL, so the table is copied. Foreign keys are off while migrations run: dropping the old table
 * would delete the rows that refer to it.
 */
export const migration0002: Migration = {
  version: 2,
  name: 'library',
  sql: `
    CREATE TABLE runs_new (
      id                     TEXT PRIMARY KEY,
      name                   TEXT NOT NULL,
      out_dir                TEXT NOT NULL,
      status                 TEXT NOT NULL
        CHECK (status IN ('queued', 'preparing', 'training', 'stopped', 'completed', 'failed')),
      created_ms             INTEGER NOT NULL,
      started_ms             INTEGER,
      ended_ms               INTEGER,
      model_path             TEXT NOT NULL,
      model_sha256           TEXT REFERENCES models (sha256),
      dataset_path           TEXT NOT NULL,
      dataset_sha256         TEXT REFERENCES datasets (sha256),
      val_dataset_sha256     TEXT REFERENCES datasets (sha256),
      settings               TEXT NOT NULL CHECK (json_valid(settings)),
      total_steps            INTEGER,
      steps                  INTEGER NOT NULL DEFAULT 0,
      train_loss             REAL,
      val_loss               REAL,
      best_val_loss          REAL,
      tokens_per_second      REAL,
      trainable_parameters   INTEGER,
      peak_memory_bytes      INTEGER,
      duration_ms            INTEGER,
      error_code             TEXT,
      error_message          TEXT,
      error_hint             TEXT,
      error_details          TEXT CHECK (error_details IS NULL OR json_valid(error_details)),
      request                TEXT CHECK (request IS NULL OR json_valid(request)),
      plan                   TEXT CHECK (plan IS NULL OR json_valid(plan)),
      estimated_memory_bytes INTEGER,
      queue_order            INTEGER,
      is_interrupted         INTEGER NOT NULL DEFAULT 0 CHECK (is_interrupted IN (0, 1)),
      tags                   TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags)),
      notes                  TEXT NOT NULL DEFAULT '',
      starred                INTEGER NOT NULL DEFAULT 0 CHECK (starred IN (0, 1))
    ) STRICT;
    INSERT INTO runs_new (id, name, out_dir, status, created_ms, started_ms, ended_ms, model_path, model_sha256, dataset_path,
        dataset_sha256, val_dataset_sha256, settings, total_steps, steps, train_loss, val_loss, best_val_loss,
        tokens_per_second, trainable_parameters, peak_memory_bytes, duration_ms, error_code, error_message)
      SELECT id, name, out_dir, status, created_ms, started_ms, ended_ms, model_path, model_sha256, dataset_path,
        dataset_sha256, val_dataset_sha256, settings, total_steps, steps, train_loss, val_loss, best_val_loss,
        tokens_per_second, trainable_parameters, peak_memory_bytes, duration_ms, error_code, error_message
      FROM runs ORDER BY rowid;
    DROP TABLE runs;
    ALTER TABLE runs_new RENAME TO runs;
    CREATE INDEX runs_by_creation ON runs (created_ms);
    CREATE INDEX runs_by_out_dir ON runs (out_dir);
    CREATE INDEX runs_by_queue_order ON runs (queue_order) WHERE queue_order IS NOT NULL;

    CREATE TABLE log_entries (
      run_id  TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
      seq     INTEGER NOT NULL,
      time_ms INTEGER NOT NULL,
      level   TEXT NOT NULL CHECK (level IN ('info', 'warning', 'error')),
      code    TEXT,
      text    TEXT NOT NULL,
      details TEXT NOT NULL CHECK (json_valid(details)),
      PRIMARY KEY (run_id, seq)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE samples (
      run_id       TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
      step         INTEGER NOT NULL,
      prompt_index INTEGER NOT NULL,
      time_ms      INTEGER NOT NULL,
      prompt       TEXT NOT NULL,
      text         TEXT NOT NULL,
      PRIMARY KEY (run_id, step, prompt_index)
    ) STRICT, WITHOUT ROWID;
  `,
};
