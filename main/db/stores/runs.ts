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
  /** Null until the model was read. */
  model_sha256: string | null;
  dataset_path: string;
  /** Null until the dataset was read. */
  dataset_sha256: string | null;
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
  error_hint: string | null;
  /** JSON. */
  error_details: string | null;
  /** JSON: what the person asked for in the app; null for a run of the command line. */
  request: string | null;
  /** JSON: the trainer's plan. */
  plan: string | null;
  estimated_memory_bytes: number | null;
  /** Waiting runs start in this order; null for any other. */
  queue_order: number | null;
  /** It was training when its process ended without a word. */
  is_interrupted: 0 | 1;
  /** JSON: a list of words. */
  tags: string;
  notes: string;
  starred: 0 | 1;
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
> &
  Partial<Pick<RunRow, 'request' | 'estimated_memory_bytes' | 'queue_order'>>;

/** What changes in the life of a run. */
export type RunChange = Partial<Omit<RunRow, 'id' | 'created_ms'>>;

const CHANGEABLE = new Set<string>([
  'name',
  'out_dir',
  'status',
  'started_ms',
  'ended_ms',
  'model_path',
  'model_sha256',
  'dataset_sha256',
  'val_dataset_sha256',
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
  'error_hint',
  'error_details',
  'plan',
  'estimated_memory_bytes',
  'queue_order',
  'is_interrupted',
  'tags',
  'notes',
  'starred',
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
           val_dataset_sha256, settings, request, estimated_memory_bytes, queue_order)
         VALUES (@id, @name, @out_dir, 'queued', @created_ms, @model_path, @model_sha256, @dataset_path, @dataset_sha256,
           @val_dataset_sha256, @settings, @request, @estimated_memory_bytes, @queue_order)
         ON CONFLICT (id) DO NOTHING`,
      )
      .run({ request: null, estimated_memory_bytes: null, queue_order: null, ...run });
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

  /** Runs that wait to be started, the next first. */
  waiting(): RunRow[] {
    return this.db.prepare('SELECT * FROM runs WHERE queue_order IS NOT NULL ORDER BY queue_order').all() as RunRow[];
  }

  /** Puts the waiting runs into this order; ids of others are passed over. */
  reorder(ids: readonly string[]): void {
    const place = this.db.prepare('UPDATE runs SET queue_order = ? WHERE id = ? AND queue_order IS NOT NULL');
    this.db.transaction(() => ids.forEach((id, at) => place.run(at, id)))();
  }

  /** The order of a run that is put behind all that wait. */
  nextQueueOrder(): number {
    return this.db.prepare('SELECT coalesce(max(queue_order) + 1, 0) FROM runs').pluck().get() as number;
  }

  /** Removes a run with all that it reported. */
  remove(id: string): void {
    this.db.prepare('DELETE FROM runs WHERE id = ?').run(id);
  }

  /** What the last `limit` runs of a model on a device did, the newest first. */
  speeds(model_sha256: string | null, device: string, limit = 20): { tokens_per_second: number; settings: string }[] {
    return this.db
      .prepare(
        `SELECT tokens_per_second, settings FROM runs WHERE tokens_per_second > 0 AND steps >= 3
           AND (@model_sha256 IS NULL OR model_sha256 = @model_sha256) AND json_extract(settings, '$.device') = @device
         ORDER BY created_ms DESC LIMIT @limit`,
      )
      .all({ model_sha256, device, limit }) as { tokens_per_second: number; settings: string }[];
  }

  /** Speeds of the last runs of any model on a device, with what they depend on. */
  speedsOn(device: string, limit = 20): { tokens_per_second: number; n_params: number; threads: number }[] {
    return this.db
      .prepare(
        `SELECT runs.tokens_per_second, models.n_params, json_extract(runs.settings, '$.threads') AS threads
           FROM runs JOIN models ON models.sha256 = runs.model_sha256
         WHERE runs.tokens_per_second > 0 AND runs.steps >= 3 AND json_extract(runs.settings, '$.device') = @device
         ORDER BY runs.created_ms DESC LIMIT @limit`,
      )
      .all({ device, limit }) as { tokens_per_second: number; n_params: number; threads: number }[];
  }

  /** All runs, the newest first. */
  list(): RunRow[] {
    return this.db.prepare('SELECT * FROM runs ORDER BY created_ms DESC, rowid DESC').all() as RunRow[];
  }
}
