import type { Database, Statement, Transaction } from 'better-sqlite3';
import type { CheckpointData, StepData, ValidationData } from '../../contracts/protocol-types.ts';

/** A step as the database has it. */
export type StepRow = Omit<StepData, 'total_steps' | 'eta_ms'> & { run_id: string; time_ms: number };
export type ValidationRow = Omit<ValidationData, 'is_best'> & { run_id: string; time_ms: number; is_best: 0 | 1 };
export type CheckpointRow = CheckpointData & { run_id: string; time_ms: number };

/** A row as the database keeps it: the open figures as JSON. */
const toText = <Row extends { metrics?: Record<string, number> }>(row: Row) => ({
  ...row,
  metrics: JSON.stringify(row.metrics ?? {}),
});

const NO_METRICS: Record<string, number> = {};

function fromText<Row extends { metrics?: Record<string, number> }>(rows: unknown[]): Row[] {
  return (rows as (Omit<Row, 'metrics'> & { metrics: string })[]).map((row) => ({
    ...row,
    metrics: row.metrics === '{}' ? NO_METRICS : (JSON.parse(row.metrics) as Record<string, number>),
  })) as unknown as Row[];
}

/** What runs reported: a row each step, validation and checkpoint. */
export class MetricStore {
  private readonly db: Database;
  private readonly insertStep: Statement;
  private readonly insertSteps: Transaction<(steps: StepRow[]) => void>;

  constructor(db: Database) {
    this.db = db;
    // A resumed run does some steps again: the newer row counts.
    this.insertStep = db.prepare(
      `INSERT OR REPLACE INTO steps (run_id, step, time_ms, epoch, train_loss, learning_rate, grad_norm, tokens_per_second,
         tokens, supervised_tokens, elapsed_ms, peak_memory_bytes, metrics)
       VALUES (@run_id, @step, @time_ms, @epoch, @train_loss, @learning_rate, @grad_norm, @tokens_per_second,
         @tokens, @supervised_tokens, @elapsed_ms, @peak_memory_bytes, @metrics)`,
    );
    this.insertSteps = db.transaction((steps: StepRow[]) => {
      for (const step of steps) this.insertStep.run(toText(step));
    });
  }

  /** Adds steps in one transaction. */
  addSteps(steps: StepRow[]): void {
    if (steps.length > 0) this.insertSteps(steps);
  }

  addValidation(validation: ValidationRow): void {
    this.db
      .prepare(
        `INSERT OR REPLACE INTO validations (run_id, step, time_ms, val_loss, perplexity, tokens, is_best, metrics)
         VALUES (@run_id, @step, @time_ms, @val_loss, @perplexity, @tokens, @is_best, @metrics)`,
      )
      .run(toText(validation));
  }

  addCheckpoint(checkpoint: CheckpointRow): void {
    this.db
      .prepare(
        'INSERT OR REPLACE INTO checkpoints (run_id, step, reason, path, time_ms) VALUES (@run_id, @step, @reason, @path, @time_ms)',
      )
      .run(checkpoint);
  }

  /** Forgets what a run reported after a step, before it goes on from there. */
  forgetAfter(run_id: string, step: number): void {
    for (const table of ['steps', 'validations', 'checkpoints']) {
      this.db.prepare(`DELETE FROM ${table} WHERE run_id = ? AND step > ?`).run(run_id, step);
    }
  }

  steps(run_id: string): StepRow[] {
    return fromText<StepRow>(this.db.prepare('SELECT * FROM steps WHERE run_id = ? ORDER BY step').all(run_id));
  }

  countSteps(run_id: string): number {
    return this.db.prepare('SELECT count(*) FROM steps WHERE run_id = ?').pluck().get(run_id) as number;
  }

  /** The last step's row, or null. */
  lastStep(run_id: string): StepRow | null {
    const found = this.db.prepare('SELECT * FROM steps WHERE run_id = ? ORDER BY step DESC LIMIT 1').get(run_id);
    return found === undefined ? null : fromText<StepRow>([found])[0]!;
  }

  /** The columns that curves are thinned by, in arrays: reading a hundred thousand objects would take many times longer. */
  curve(run_id: string): [step: number, train_loss: number, grad_norm: number][] {
    return this.db
      .prepare('SELECT step, train_loss, grad_norm FROM steps WHERE run_id = ? ORDER BY step')
      .raw()
      .all(run_id) as [number, number, number][];
  }

  /** Some steps of a run, in order. */
  stepsAt(run_id: string, steps: readonly number[]): StepRow[] {
    const found = this.db
      .prepare(
        'SELECT steps.* FROM json_each(?) AS wanted JOIN steps ON steps.run_id = ? AND steps.step = wanted.value ORDER BY step',
      )
      .all(JSON.stringify(steps), run_id);
    return fromText<StepRow>(found);
  }

  validations(run_id: string): ValidationRow[] {
    const found = this.db.prepare('SELECT * FROM validations WHERE run_id = ? ORDER BY step').all(run_id);
    return fromText<ValidationRow>(found);
  }

  checkpoints(run_id: string): CheckpointRow[] {
    return this.db
      .prepare('SELECT * FROM checkpoints WHERE run_id = ? ORDER BY step, reason')
      .all(run_id) as CheckpointRow[];
  }
}
