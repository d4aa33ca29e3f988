import type { Migration } from './index.ts';

/** The first tables: models and datasets by hash, runs with their settings, metrics, checkpoints and exports. */
export const migration0001: Migration = {
  version: 1,
  name: 'runs',
  sql: `
    CREATE TABLE models (
      sha256          TEXT PRIMARY KEY,
      path            TEXT NOT NULL,
      file_size_bytes INTEGER NOT NULL,
      modified_ms     INTEGER NOT NULL,
      architecture    TEXT NOT NULL,
      base_type       TEXT NOT NULL,
      name            TEXT,
      n_params        INTEGER NOT NULL,
      seen_ms         INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX models_by_path ON models (path);

    CREATE TABLE datasets (
      sha256     TEXT PRIMARY KEY,
      path       TEXT NOT NULL,
      size_bytes INTEGER NOT NULL,
      format     TEXT NOT NULL,
      rows_read  INTEGER NOT NULL,
      rows_used  INTEGER NOT NULL,
      seen_ms    INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE runs (
      id                   TEXT PRIMARY KEY,
      name                 TEXT NOT NULL,
      out_dir              TEXT NOT NULL,
      status               TEXT NOT NULL
        CHECK (status IN ('queued', 'preparing', 'training', 'stopped', 'completed', 'failed')),
      created_ms           INTEGER NOT NULL,
      started_ms           INTEGER,
      ended_ms             INTEGER,
      model_path           TEXT NOT NULL,
      model_sha256         TEXT NOT NULL REFERENCES models (sha256),
      dataset_path         TEXT NOT NULL,
      dataset_sha256       TEXT NOT NULL REFERENCES datasets (sha256),
      val_dataset_sha256   TEXT REFERENCES datasets (sha256),
      settings             TEXT NOT NULL CHECK (json_valid(settings)),
      total_steps          INTEGER,
      steps                INTEGER NOT NULL DEFAULT 0,
      train_loss           REAL,
      val_loss             REAL,
      best_val_loss        REAL,
      tokens_per_second    REAL,
      trainable_parameters INTEGER,
      peak_memory_bytes    INTEGER,
      duration_ms          INTEGER,
      error_code           TEXT,
      error_message        TEXT
    ) STRICT;
    CREATE INDEX runs_by_creation ON runs (created_ms);
    CREATE INDEX runs_by_out_dir ON runs (out_dir);

    CREATE TABLE steps (
      run_id            TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
      step              INTEGER NOT NULL,
      time_ms           INTEGER NOT NULL,
      epoch             REAL NOT NULL,
      train_loss        REAL NOT NULL,
      learning_rate     REAL NOT NULL,
      grad_norm         REAL NOT NULL,
      tokens_per_second REAL NOT NULL,
      tokens            INTEGER NOT NULL,
      supervised_tokens INTEGER NOT NULL,
      elapsed_ms        INTEGER NOT NULL,
      peak_memory_bytes INTEGER NOT NULL,
      PRIMARY KEY (run_id, step)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE validations (
      run_id     TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
      step       INTEGER NOT NULL,
      time_ms    INTEGER NOT NULL,
      val_loss   REAL NOT NULL,
      perplexity REAL NOT NULL,
      tokens     INTEGER NOT NULL,
      is_best    INTEGER NOT NULL CHECK (is_best IN (0, 1)),
      PRIMARY KEY (run_id, step)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE checkpoints (
      run_id  TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
      step    INTEGER NOT NULL,
      reason  TEXT NOT NULL,
      path    TEXT NOT NULL,
      time_ms INTEGER NOT NULL,
      PRIMARY KEY (run_id, step, reason)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE exports (
      id                 INTEGER PRIMARY KEY,
      run_id             TEXT REFERENCES runs (id) ON DELETE CASCADE,
      time_ms            INTEGER NOT NULL,
      format             TEXT NOT NULL,
      output_type        TEXT NOT NULL,
      output_path        TEXT NOT NULL,
      output_bytes       INTEGER NOT NULL,
      verdict            TEXT,
      base_loss          REAL,
      tuned_loss         REAL,
      export_loss        REAL,
      mean_kl_divergence REAL
    ) STRICT;
    CREATE INDEX exports_by_run ON exports (run_id);
  `,
};
