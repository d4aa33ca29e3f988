import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import { dataDir } from './location.ts';
import { migrate } from './migrate.ts';
import { openError } from './open-error.ts';
import { DatasetStore } from './stores/datasets.ts';
import { ExportStore } from './stores/exports.ts';
import { LogStore } from './stores/logs.ts';
import { MetricStore } from './stores/metrics.ts';
import { ModelStore } from './stores/models.ts';
import { RunStore } from './stores/runs.ts';
import { SampleStore } from './stores/samples.ts';

/** The open database: one store a subject. */
export interface ForjaDb {
  path: string;
  models: ModelStore;
  datasets: DatasetStore;
  runs: RunStore;
  metrics: MetricStore;
  logs: LogStore;
  samples: SampleStore;
  exports: ExportStore;
  close(): void;
}

export interface OpenDbOptions {
  /** A build of better-sqlite3's addon to use in place of its own: for a runtime whose Node-API is older than 10. */
  nativeBinding?: string;
}

/** Where the database lies. */
export function databasePath(): string {
  return join(dataDir(), 'forja.sqlite3');
}

/**
 * Opens the database, makes it when there is none, and brings it to the newest shape.
 *
 * Several processes may have it open (WAL; a writer waits up to five seconds for another).
 * @param path default: databasePath(); ':memory:' for one that nobody else sees
 * @throws ForjaError database_from_future, database_corrupt, database_locked, database_unavailable, disk_full
 */
export function openDb(path: string = databasePath(), options: OpenDbOptions = {}): ForjaDb {
  let db: BetterSqlite.Database | null = null;
  try {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true });
    db = new BetterSqlite(path, { timeout: 5000, ...options });
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = NORMAL');
    db.pragma('foreign_keys = ON');
    migrate(db);
  } catch (error) {
    db?.close();
    throw openError(path, error);
  }
  const open = db;
  return {
    path,
    models: new ModelStore(open),
    datasets: new DatasetStore(open),
    runs: new RunStore(open),
    metrics: new MetricStore(open),
    logs: new LogStore(open),
    samples: new SampleStore(open),
    exports: new ExportStore(open),
    close: () => open.close(),
  };
}
