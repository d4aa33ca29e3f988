import type { Database } from 'better-sqlite3';

export type RunStatus = 'queued' | 'preparing' | 'training' | 'stopped' | 'completed' | 'failed';

/** A run as the database has it. Losses are nats per supervised token; null means not known yet. */
export interface RunRow {
  id: string;
  name: string;
  out_dir: string;
  status: RunStatus;
  created_ms: number;
  started_ms: number | null;
  ended_ms: number | null;
  model_path: string;
  model_sha256: string;
  dataset_path: string;
  dataset_sha256: string;
  val_dataset_sha256: string | null;
  /** JSON: all settings of the train job. */
  settings: string;
  total_steps: number | null;
  steps: number;
  train_loss: number | null;
  val_loss: number | null;
  best_val_loss: number | null;
  tokens_per_second: number | null;
  trainable_parameters: number | null;
  peak_memory_bytes: number | null;
  duration_ms: number | null;
  error_code: string | null;
  error_message: string | null;
}

/** What a run is known by before it has begun. */
export type NewRun = Pick<
  RunRow,
  | 'id'
  | 'name'
  | 'out_dir'
  | 'created_ms'
  | 'model_path'
  | 'model_sha256'
  | 'dataset_path'
  | 'dataset_sha256'
  | 'val_dataset_sha256'
  | 'settings'
>;

/** What changes in the life of a run. */
export type RunChange = Partial<Omit<RunRow, 'id' | 'created_ms'>>;

const CHANGEABLE = new Set<string>([
  'name',
  'out_dir',
  'status',
  'started_ms',
  'ended_ms',
  'model_path',
  'settings',
  'total_steps',
  'steps',
  'train_loss',
  'val_loss',
  'best_val_loss',
  'tokens_per_second',
  'trainable_parameters',
  'peak_memory_bytes',
  'duration_ms',
  'error_code',
  'error_message',
]);

/** The runs. */
export class RunStore {
  private readonly db: Database;

  constructor(db: Database) {
    this.db = db;
  }

  /** Adds a queued run; one with the same id is left as it is (its folder was seen before). */
  add(run: NewRun): void {
    this.db
      .prepare(
        `INSERT INTO runs (id, name, out_dir, status, created_ms, model_path, model_sha256, dataset_path, dataset_sha256,
           val_dataset_sha256, settings)
         VALUES (@id, @name, @out_dir, 'queued', @created_ms, @model_path, @model_sha256, @dataset_path, @dataset_sha256,
           @val_dataset_sha256, @settings)
         ON CONFLICT (id) DO NOTHING`,
      )
      .run(run);
  }

  /** Changes some columns of a run. */
  change(id: string, change: RunChange): void {
    const names = Object.keys(change).filter((name) => CHANGEABLE.has(name));
    if (names.length === 0) return;
    const assignments = names.map((name) => `${name} = @${name}`).join(', ');
    this.db.prepare(`UPDATE runs SET ${assignments} WHERE id = @id`).run({ ...change, id });
  }

  get(id: string): RunRow | null {
    return (this.db.prepare('SELECT * FROM runs WHERE id = ?').get(id) as RunRow | undefined) ?? null;
  }

  /** Runs whose id starts with these characters. */
  withPrefix(prefix: string): RunRow[] {
    return this.db.prepare('SELECT * FROM runs WHERE substr(id, 1, length(?)) = ?').all(prefix, prefix) as RunRow[];
  }

  /** The newest run in a folder. */
  inFolder(out_dir: string): RunRow | null {
    const found = this.db.prepare('SELECT * FROM runs WHERE out_dir = ? ORDER BY created_ms DESC LIMIT 1').get(out_dir);
    return (found as RunRow | undefined) ?? null;
  }

  /** All runs, the newest first. */
  list(): RunRow[] {
    return this.db.prepare('SELECT * FROM runs ORDER BY created_ms DESC, rowid DESC').all() as RunRow[];
  }
}
