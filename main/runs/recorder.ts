import type { TrainerEvent } from '../contracts/protocol.ts';
import type { RunFile } from '../contracts/run-file.ts';
import type { ForjaDb, StepRow } from '../db/index.ts';
import type { RunFolder } from './run-folder.ts';

/** Steps are written together, at most this many and this late. */
const BATCH_STEPS = 64;
const BATCH_MS = 500;

/**
 * Writes what a trainer reports: each event to the database, the sums to run.json. The lines themselves are in events.jsonl, which the
 * trainer writes, and from which the database is made whole when this process ends too early.
 *
 * Losing the database must not lose the training: such a failure is told once and the run goes on.
 */
export class RunRecorder {
  private readonly run: RunFile;
  private readonly folder: RunFolder;
  private readonly db: ForjaDb;
  private readonly onTrouble: (error: Error) => void;
  private steps: StepRow[] = [];
  private flushed_ms = Date.now();
  private hasTrouble = false;

  constructor(run: RunFile, folder: RunFolder, db: ForjaDb, onTrouble: (error: Error) => void) {
    this.run = run;
    this.folder = folder;
    this.db = db;
    this.onTrouble = onTrouble;
  }

  record(event: TrainerEvent): void {
    this.guard(() => this.store(event));
  }

  /** Notes how the run stands now, in the database and in run.json. */
  note(change: Partial<RunFile>): void {
    Object.assign(this.run, change);
    this.guard(() => {
      this.flush();
      const { status, steps, total_steps, result, error } = this.run;
      const isOver = status === 'completed' || status === 'failed' || status === 'stopped';
      this.db.runs.change(this.run.id, {
        status,
        steps,
        total_steps,
        ...(result === null ? {} : pick(result)),
        error_code: error?.code ?? null,
        error_message: error?.message ?? null,
        ...(isOver ? { ended_ms: Date.now() } : {}),
      });
    });
    this.guard(() => this.folder.write(this.run));
  }

  close(): void {
    this.guard(() => this.flush());
  }

  private store(event: TrainerEvent): void {
    const { time_ms } = event;
    const run_id = this.run.id;
    switch (event.type) {
      case 'plan':
        this.run.total_steps = event.data.total_steps;
        this.db.metrics.forgetAfter(run_id, event.data.start_step);
        this.db.runs.change(run_id, {
          total_steps: event.data.total_steps,
          trainable_parameters: event.data.trainable_parameters,
          started_ms: time_ms,
          plan: JSON.stringify(event.data),
        });
        break;
      case 'step':
        this.run.steps = event.data.step;
        this.steps.push({ ...event.data, run_id, time_ms });
        if (this.steps.length >= BATCH_STEPS || Date.now() - this.flushed_ms > BATCH_MS) this.flush();
        break;
      case 'validation':
        this.db.metrics.addValidation({ ...event.data, run_id, time_ms, is_best: event.data.is_best ? 1 : 0 });
        this.db.runs.change(run_id, {
          val_loss: event.data.val_loss,
          ...(event.data.is_best ? { best_val_loss: event.data.val_loss } : {}),
        });
        break;
      case 'checkpoint':
        this.flush();
        this.db.metrics.addCheckpoint({ ...event.data, run_id, time_ms });
        this.folder.write(this.run);
        break;
      default:
    }
  }

  private flush(): void {
    const { steps } = this;
    this.steps = [];
    this.flushed_ms = Date.now();
    this.db.metrics.addSteps(steps);
    const last = steps.at(-1);
    if (last !== undefined) {
      const { step, train_loss, tokens_per_second, peak_memory_bytes } = last;
      this.db.runs.change(this.run.id, { steps: step, train_loss, tokens_per_second, peak_memory_bytes });
    }
  }

  private guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!this.hasTrouble) this.onTrouble(error as Error);
      this.hasTrouble = true;
    }
  }
}

function pick(result: NonNullable<RunFile['result']>) {
  const {
    train_loss,
    val_loss,
    best_val_loss,
    tokens_per_second,
    trainable_parameters,
    peak_memory_bytes,
    duration_ms,
  } = result;
  return {
    train_loss,
    val_loss,
    best_val_loss,
    tokens_per_second,
    trainable_parameters,
    peak_memory_bytes,
    duration_ms,
  };
}
