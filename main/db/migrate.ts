import type { Database } from 'better-sqlite3';
import { ForjaError } from '../contracts/errors.ts';
import { MIGRATIONS, type Migration } from './migrations/index.ts';

/**
 * Brings a database to the newest shape. Each migration and its record share one transaction, so that a crash leaves the
 * database at one version or the next, never between.
 *
 * @param migrations only tests give others than the released ones
 * @throws ForjaError database_from_future when a newer Forja has changed it; SQLite's own errors
 */
export function migrate(db: Database, migrations: readonly Migration[] = MIGRATIONS): void {
  const newest = migrations.length;
  const apply = db.transaction((migration: Migration) => {
    // Another process may have been faster between our look and this lock.
    if (schemaVersion(db) >= migration.version) return;
    db.exec(migration.sql);
    db.prepare('INSERT INTO migrations (version, name, time_ms) VALUES (?, ?, ?)').run(
      migration.version,
      migration.name,
      Date.now(),
    );
  });
  db.exec(
    'CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, time_ms INTEGER NOT NULL) STRICT',
  );
  const current = schemaVersion(db);
  if (current > newest) {
    // A damaged file may show any number.
    const state = db.pragma('quick_check(1)', { simple: true });
    if (state !== 'ok') throw Object.assign(new Error(String(state)), { code: 'SQLITE_CORRUPT' });
    throw new ForjaError(
      'database_from_future',
      `The database ${db.name} was made by a newer Forja (version ${current}; this one knows ${newest}).`,
      'Update Forja, or set FORJA_DATA_DIR to another folder.',
      { path: db.name, version: current, newest },
    );
  }
  if (current === newest) return;
  // A migration may copy a table that others refer to; inside a transaction this can't be switched.
  const had_foreign_keys = db.pragma('foreign_keys', { simple: true });
  db.pragma('foreign_keys = OFF');
  try {
    for (const migration of migrations) apply.immediate(migration);
  } finally {
    db.pragma(`foreign_keys = ${String(had_foreign_keys)}`);
  }
}

/** The newest migration that was applied; 0 for a new database. */
export function schemaVersion(db: Database): number {
  return db.prepare('SELECT coalesce(max(version), 0) FROM migrations').pluck().get() as number;
}
