import BetterSqlite from 'better-sqlite3';
import { expect, test } from 'vitest';
import { migrate, schemaVersion } from './migrate.ts';
import { MIGRATIONS } from './migrations/index.ts';

const memory = () => new BetterSqlite(':memory:');
const tables = (db: BetterSqlite.Database) =>
  db.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name").all() as {
    name: string;
    sql: string;
  }[];

test('migrations are numbered 1, 2, 3 … with no gap', () => {
  expect(MIGRATIONS.map(({ version }) => version)).toEqual(MIGRATIONS.map((_, at) => at + 1));
});

test('a new database gets every table, all of them STRICT', () => {
  const db = memory();
  migrate(db);
  expect(schemaVersion(db)).toBe(MIGRATIONS.length);
  const found = tables(db);
  expect(found.map(({ name }) => name)).toEqual([
    'checkpoints',
    'datasets',
    'exports',
    'log_entries',
    'migrations',
    'models',
    'runs',
    'samples',
    'steps',
    'validations',
  ]);
  for (const { name, sql } of found) expect(sql, name).toMatch(/STRICT(, WITHOUT ROWID)?$/);
});

test('migrating again changes nothing', () => {
  const db = memory();
  migrate(db);
  const before = tables(db);
  migrate(db);
  expect(tables(db)).toEqual(before);
});

test('rows of the version before stay as they were', () => {
  const db = memory();
  migrate(db);
  const row = {
    sha256: 'ab',
    path: '/d.jsonl',
    size_bytes: 5,
    format: 'alpaca',
    rows_read: 3,
    rows_used: 2,
    seen_ms: 1,
  };
  const names = Object.keys(row);
  db.prepare(`INSERT INTO datasets (${names.join()}) VALUES (${names.map((name) => `@${name}`).join()})`).run(row);
  const next = { version: MIGRATIONS.length + 1, name: 'next', sql: 'ALTER TABLE datasets ADD COLUMN note TEXT' };
  migrate(db, [...MIGRATIONS, next]);
  expect(db.prepare('SELECT * FROM datasets').all()).toEqual([{ ...row, note: null }]);
});

test('a migration that fails leaves the version before it, whole', () => {
  const db = memory();
  migrate(db);
  const before = tables(db);
  const bad = {
    version: MIGRATIONS.length + 1,
    name: 'bad',
    sql: 'CREATE TABLE half (x INTEGER) STRICT; SELECT * FROM nowhere;',
  };
  expect(() => migrate(db, [...MIGRATIONS, bad])).toThrow('nowhere');
  expect(tables(db)).toEqual(before);
  expect(schemaVersion(db)).toBe(MIGRATIONS.length);
});

test('a database from the future is refused and not touched', () => {
  const db = memory();
  migrate(db);
  db.prepare("INSERT INTO migrations VALUES (99, 'from the future', 0)").run();
  expect(() => migrate(db)).toThrow(expect.objectContaining({ code: 'database_from_future', exitCode: 1 }));
  expect(schemaVersion(db)).toBe(99);
});
