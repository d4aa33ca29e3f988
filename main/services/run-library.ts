import { closeSync, existsSync, fstatSync, openSync, readSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ForjaError } from '../contracts/errors.ts';
import type { IpcParsedRequest, IpcResponse, LogEntry, RunDetail, RunSummary } from '../contracts/ipc.ts';
import type { RunRow } from '../db/index.ts';
import { thinCurve } from '../domain/thin-curve.ts';
import { RunFolder, RunLock } from '../runs/index.ts';
import type { ServiceContext } from './context.ts';
import { toLogEntry } from './run-log.ts';
import type { RunQueue } from './run-queue.ts';
import { examplesOf } from './run-examples.ts';
import { describeRun, readOwnFile } from './run-summary.ts';

/** How much of the end of a trainer.log is read for a run whose log is not in the database. */
const LOG_TAIL_BYTES = 256 * 1024;

/** The runs that are known: looked at, named, tagged, compared, deleted. */
export class RunLibrary {
  private readonly context: ServiceContext;
  private readonly queue: RunQueue;

  constructor(context: ServiceContext, queue: RunQueue) {
    this.context = context;
    this.queue = queue;
  }

  /** @throws ForjaError run_not_found */
  get(run_id: string): RunDetail {
    return describeRun(this.queue.summary(run_id), this.queue.row(run_id), this.context.db);
  }

  /** A run's curves, thinned to at most max_points steps. @throws ForjaError run_not_found */
  metrics(run_id: string, max_points: number): IpcResponse<'runs.metrics'> {
    this.queue.row(run_id);
    const { metrics } = this.context.db;
    const curve = metrics.curve(run_id);
    const rows = metrics.stepsAt(run_id, thinCurve(curve, max_points));
    const validations = metrics.validations(run_id);
    return {
      run_id,
      n_steps: curve.length,
      steps: {
        step: rows.map(({ step }) => step),
        time_ms: rows.map(({ time_ms }) => time_ms),
        epoch: rows.map(({ epoch }) => epoch),
        train_loss: rows.map(({ train_loss }) => train_loss),
        learning_rate: rows.map(({ learning_rate }) => learning_rate),
        grad_norm: rows.map(({ grad_norm }) => grad_norm),
        tokens_per_second: rows.map(({ tokens_per_second }) => tokens_per_second),
        metrics: metricColumns(rows),
      },
      validations: {
        step: validations.map(({ step }) => step),
        val_loss: validations.map(({ val_loss }) => val_loss),
        metrics: metricColumns(validations),
      },
    };
  }

  /** The last entries of a run's log, the oldest first; of a run of the command line the end of its trainer.log. */
  log(run_id: string, limit: number): LogEntry[] {
    const row = this.queue.row(run_id);
    const entries = this.context.db.logs.tail(run_id, limit).map(toLogEntry);
    return entries.length > 0 ? entries : tailOfFile(new RunFolder(row.out_dir).logFile, limit);
  }

  /** What some of a run's rows ask. @throws ForjaError run_not_found; DatasetError as examplesOf */
  async examples(run_id: string, limit: number): Promise<IpcResponse<'runs.examples'>> {
    return await examplesOf(this.queue.row(run_id), limit);
  }

  /** Names, tags, notes and stars a run. @throws ForjaError run_not_found */
  update({ run_id, name, tags, notes, starred }: IpcParsedRequest<'runs.update'>): RunSummary {
    const row = this.queue.row(run_id);
    this.context.db.runs.change(run_id, {
      ...(name === undefined ? {} : { name }),
      ...(tags === undefined ? {} : { tags: JSON.stringify([...new Set(tags)]) }),
      ...(notes === undefined ? {} : { notes }),
      ...(starred === undefined ? {} : { starred: starred ? 1 : 0 }),
    });
    // The active run's file is its recorder's, which writes it again and again.
    const folder = new RunFolder(row.out_dir);
    const file = name === undefined || this.queue.isBusy(run_id) ? null : readOwnFile(folder, run_id);
    if (file !== null && name !== undefined) folder.write({ ...file, name });
    this.queue.tellRun(run_id);
    return this.queue.summary(run_id);
  }

  /**
   * Forgets a run. With its files: all that Forja put into its folder goes, other files there stay, and so do exports elsewhere.
   * @throws ForjaError run_is_active, run_in_use, run_not_found
   */
  delete(run_id: string, delete_files: boolean): void {
    const row = this.requireIdle(run_id);
    if (row.queue_order !== null) this.queue.remove(run_id);
    const folder = new RunFolder(row.out_dir);
    // Another run may have taken the folder since.
    if (delete_files && readOwnFile(folder, run_id) !== null) {
      folder.clear();
      rmSync(join(folder.dir, 'run.lock'), { force: true });
      try {
        rmdirSync(folder.dir);
      } catch {
        // Files that are not ours are in it: it stays.
      }
    }
    this.context.db.runs.remove(run_id);
    this.context.emit('run.removed', { run_id });
  }

  /**
   * Removes a checkpoint from the disk; one that is not there any more is no fault.
   * @throws ForjaError run_is_active, run_in_use, run_not_found
   */
  deleteCheckpoint(run_id: string, checkpoint: 'best' | number): void {
    const folder = new RunFolder(this.requireIdle(run_id).out_dir);
    const isOwn = readOwnFile(folder, run_id) !== null;
    const path =
      checkpoint === 'best' ? folder.bestDir : folder.checkpoints().find(({ step }) => step === checkpoint)?.path;
    if (isOwn && path !== undefined && existsSync(path)) {
      // Under another name first: what is half removed must not look whole.
      renameSync(path, `${path}.partial`);
      rmSync(`${path}.partial`, { recursive: true, force: true });
    }
    this.queue.tellRun(run_id);
  }

  /** @throws ForjaError run_is_active, run_in_use, run_not_found */
  private requireIdle(run_id: string): RunRow {
    const row = this.queue.row(run_id);
    if (this.queue.isBusy(run_id) && row.queue_order === null) {
      throw new ForjaError('run_is_active', `The run ${row.name} trains now.`, 'Stop it first.', { run_id });
    }
    if (RunLock.isHeld(row.out_dir)) {
      throw new ForjaError('run_in_use', `Another process works in ${row.out_dir}.`, 'Wait for it or stop it.', {
        path: row.out_dir,
      });
    }
    return row;
  }
}

/** The open figures of rows, each as a column. */
function metricColumns(rows: readonly { metrics?: Record<string, number> }[]): Record<string, (number | null)[]> {
  const names = new Set(rows.flatMap(({ metrics }) => Object.keys(metrics ?? {})));
  return Object.fromEntries([...names].map((name) => [name, rows.map(({ metrics }) => metrics?.[name] ?? null)]));
}

function tailOfFile(path: string, limit: number): LogEntry[] {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return [];
  }
  try {
    const { size, mtimeMs } = fstatSync(file);
    const length = Math.min(size, LOG_TAIL_BYTES);
    const piece = Buffer.alloc(length);
    readSync(file, piece, 0, length, size - length);
    const lines = piece.toString('utf8').split('\n');
    // The first line may have lost its start.
    const whole = size > length ? lines.slice(1) : lines;
    return whole
      .filter((line) => line.trim() !== '')
      .slice(-limit)
      .map((text, seq) => ({ seq, time_ms: Math.round(mtimeMs), level: 'info', code: null, text, details: {} }));
  } finally {
    closeSync(file);
  }
}
