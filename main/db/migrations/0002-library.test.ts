import BetterSqlite from 'better-sqlite3';
import { expect, test } from 'vitest';
import { migrate } from '../migrate.ts';
import { MIGRATIONS } from './index.ts';

test('runs and what they reported stay, and get the new columns', () => {
  const db = new BetterSqlite(':memory:');
  db.pragma('foreign_keys = ON');
  migrate(db, MIGRATIONS.slice(0, 1));
  db.exec(`
    INSERT INTO models VALUES ('m', '/m.gguf', 1, 2, 'llama', 'q4_0', NULL, 3, 4);
    INSERT INTO datasets VALUES ('d', '/d.jsonl', 1, 'alpaca', 3, 2, 1);
    INSERT INTO runs (id, name, out_dir, status, created_ms, model_path, model_sha256, dataset_path, dataset_sha256, settings,
      steps, train_loss) VALUES ('r1', 'one', '/r1', 'completed', 5, '/m.gguf', 'm', '/d.jsonl', 'd', '{"lora_rank":4}', 2, 1.5);
    INSERT INTO steps VALUES ('r1', 1, 1, 0.5, 2, 0.1, 1, 10, 5, 3, 7, 9);
    INSERT INTO validations VALUES ('r1', 1, 1, 2, 3, 4, 1);
    INSERT INTO checkpoints VALUES ('r1', 1, 'final', '/c', 1);
    INSERT INTO exports (run_id, time_ms, format, output_type, output_path, output_bytes) VALUES ('r1', 1, 'gguf', 'same', '/o', 9);
  `);
  const before = db.prepare('SELECT * FROM runs').get() as object;
  migrate(db, MIGRATIONS.slice(0, 2));
  expect(db.prepare('SELECT * FROM runs').get()).toEqual({
    ...before,
    error_hint: null,
    error_details: null,
    request: null,
    plan: null,
    estimated_memory_bytes: null,
    queue_order: null,
    is_interrupted: 0,
    tags: '[]',
    notes: '',
    starred: 0,
  });
  const count = (table: string) => db.prepare(`SELECT count(*) FROM ${table}`).pluck().get();
  for (const table of ['steps', 'validations', 'checkpoints', 'exports']) expect(count(table), table).toBe(1);
  // The references are to the new table, and they hold.
  expect(db.pragma('foreign_keys', { simple: true })).toBe(1);
  expect(() => db.exec("INSERT INTO samples VALUES ('nobody', 1, 0, 1, 'p', 't')")).toThrow('FOREIGN KEY');
  db.exec("DELETE FROM runs WHERE id = 'r1'");
  for (const table of ['steps', 'validations', 'checkpoints', 'exports']) expect(count(table), table).toBe(0);
});
