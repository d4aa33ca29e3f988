import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ForjaError } from '../contracts/errors.ts';
import type { NewRunRequest, QueueState, RunSummary } from '../contracts/ipc.ts';
import { chosenSettings, completeJob } from '../contracts/protocol.ts';
import type { RunRow } from '../db/index.ts';
import { newRunId, RunFolder, RunLock } from '../runs/index.ts';
import type { TrainerCommand } from '../trainer/index.ts';
import { ActiveRun } from './active-run.ts';
import type { ServiceContext } from './context.ts';
import { readOwnFile, summarise } from './run-summary.ts';

/** How often a folder that another process holds is looked at again. */
const WATCH_MS = 2000;

/** How long closing waits for the active run. */
const CLOSE_MS = 30_000;

/**
 * Runs wait here and start one after another; a run that fails does not stop the next. What waits is in the database, so it
 * still waits after a restart.
 */
export class RunQueue {
  private readonly context: ServiceContext;
  private active: ActiveRun | null = null;
  /** Runs that have ended, with answers to their prompts still being written. */
  private readonly answering = new Set<ActiveRun>();
  private working: Promise<void> = Promise.resolve();
  private started = false;
  private closed = false;
  private watch: NodeJS.Timeout | null = null;

  constructor(context: ServiceContext) {
    this.context = context;
  }

  /**
   * Begins to work: first notes which runs ended without a word (a crash, a power cut), then starts the next that waits.
   * Until then runs can be added, but none starts.
   * @returns the runs that were interrupted since the last start
   */
  start(): RunSummary[] {
    const interrupted = this.recover();
    this.started = true;
    this.next();
    return interrupted;
  }

  /** Adds a run at the end. @throws ForjaError setting_invalid, out_dir_unwritable */
  create(request: NewRunRequest): RunSummary {
    const { db, settings } = this.context;
    const { runs_dir, device, threads, checkpoints_kept } = settings();
    const id = newRunId();
    const out_dir = freeFolder(runs_dir, request.name, (dir) => db.runs.inFolder(dir) !== null);
    const job = completeJob('train', {
      device,
      threads,
      checkpoints_kept,
      ...request.settings,
      model_path: request.model_path,
      train_tokens_path: '-',
      out_dir,
    });
    db.runs.add({
      id,
      name: request.name,
      out_dir,
      created_ms: Date.now(),
      model_path: request.model_path,
      model_sha256: null,
      dataset_path: request.data_path,
      dataset_sha256: null,
      val_dataset_sha256: null,
      settings: JSON.stringify(chosenSettings(job)),
      request: JSON.stringify(request),
      estimated_memory_bytes:
        request.estimated_memory_bytes === null ? null : Math.round(request.estimated_memory_bytes),
      queue_order: db.runs.nextQueueOrder(),
    });
    return this.added(id);
  }

  /** Puts a stopped, failed or interrupted run at the end, to go on from its last checkpoint. */
  continue(id: string): RunSummary {
    const { db } = this.context;
    const row = this.row(id);
    if (!this.summary(id).can_continue) {
      throw new ForjaError(
        'run_not_continuable',
        `The run ${row.name} can't be continued: it is ${row.status}.`,
        'Only a run that was stopped, that failed or that was interrupted can go on.',
        { run_id: id, status: row.status },
      );
    }
    if (RunLock.isHeld(row.out_dir)) {
      throw new ForjaError(
        'run_in_use',
        `Another process still works in ${row.out_dir}.`,
        'Wait until it has ended; after a crash the trainer first writes a checkpoint.',
        { path: row.out_dir },
      );
    }
    db.runs.change(id, { status: 'queued', queue_order: db.runs.nextQueueOrder() });
    return this.added(id);
  }

  state(): QueueState {
    return { active_run_id: this.active?.id ?? null, waiting_run_ids: this.waitingIds() };
  }

  /** @throws ForjaError run_not_waiting unless these are exactly the runs that wait */
  reorder(ids: readonly string[]): QueueState {
    const waiting = new Set(this.waitingIds());
    const stray = ids.find((id) => !waiting.has(id));
    if (stray !== undefined || ids.length !== waiting.size || new Set(ids).size !== ids.length) {
      throw new ForjaError(
        'run_not_waiting',
        stray === undefined ? 'The new order does not name every waiting run once.' : `The run ${stray} does not wait.`,
        'The queue has changed in the meantime: try again.',
        { run_id: stray ?? null },
      );
    }
    this.context.db.runs.reorder(ids);
    this.tellQueue();
    for (const id of ids) this.tellRun(id);
    return this.state();
  }

  /** Takes a waiting run out; it stays known as stopped. @throws ForjaError run_not_waiting */
  remove(id: string): QueueState {
    const row = this.row(id);
    if (row.queue_order === null) {
      throw new ForjaError('run_not_waiting', `The run ${row.name} does not wait.`, 'Stop it if it trains.', {
        run_id: id,
      });
    }
    this.context.db.runs.change(id, { status: 'stopped', queue_order: null });
    this.tellRun(id);
    this.tellQueue();
    return this.state();
  }

  /** Tells the active run's trainer. @throws ForjaError run_not_active */
  command(id: string, command: TrainerCommand): void {
    if (this.active?.id !== id) {
      const { name } = this.row(id);
      throw new ForjaError('run_not_active', `The run ${name} does not train now.`, 'It may have ended just now.', {
        run_id: id,
      });
    }
    this.active.send(command);
  }

  /** Whether this run trains, is being prepared or waits. */
  isBusy(id: string): boolean {
    return this.active?.id === id || this.waitingIds().includes(id);
  }

  summary(id: string): RunSummary {
    return this.summaryOf(this.row(id), this.waitingIds());
  }

  summaries(): RunSummary[] {
    const waiting = this.waitingIds();
    return this.context.db.runs.list().map((row) => this.summaryOf(row, waiting));
  }

  /** @throws ForjaError run_not_found */
  row(id: string): RunRow {
    const row = this.context.db.runs.get(id);
    if (row !== null) return row;
    throw new ForjaError('run_not_found', `There is no run ${id}.`, 'It may have been deleted.', { run_id: id });
  }

  tellRun(id: string): void {
    const row = this.context.db.runs.get(id);
    if (row !== null) this.context.emit('run.changed', this.summaryOf(row, this.waitingIds()));
  }

  /**
   * Stops the active run with a checkpoint and waits for its end, or until our patience ends: a step of a large model takes its
   * time, and a trainer that is left alone writes its checkpoint and ends by itself, which whoever continues the run waits for.
   * Runs that wait go on waiting in the database.
   * @returns whether the active run has ended
   */
  async close(patience_ms = CLOSE_MS): Promise<boolean> {
    this.closed = true;
    if (this.watch !== null) clearTimeout(this.watch);
    const answers = [...this.answering].map((ended) => {
      ended.dropAnswers();
      return ended.answers;
    });
    this.active?.quit();
    const all = Promise.allSettled([this.working, ...answers]).then(() => true);
    return await Promise.race([all, delay(patience_ms, false, { ref: false })]);
  }

  private next(): void {
    if (!this.started || this.closed || this.active !== null) return;
    const row = this.context.db.runs.waiting()[0];
    if (row === undefined) return;
    const { db, emit } = this.context;
    const active = new ActiveRun(row, db, {
      onChange: () => this.tellRun(row.id),
      onProgress: (progress) => emit('run.steps', { run_id: row.id, ...progress }),
      onLog: (entries) => emit('run.log', { run_id: row.id, entries }),
      onSample: (sample) => emit('run.sample', { run_id: row.id, sample }),
    });
    this.active = active;
    this.working = active.run().finally(() => {
      this.active = null;
      this.answering.add(active);
      void active.answers.finally(() => this.answering.delete(active));
      this.tellRun(row.id);
      this.tellQueue();
      this.next();
    });
    this.tellQueue();
    // Positions of those behind it have changed.
    for (const id of this.waitingIds()) this.tellRun(id);
  }

  /**
   * Marks runs that were being prepared or trained by a process that is gone; one whose trainer still writes its last checkpoint
   * too, which can go on when that is done. Those that another process works on are looked at again until they are free.
   */
  private recover(): RunSummary[] {
    const { db } = this.context;
    const interrupted: string[] = [];
    let isHeld = false;
    for (const row of db.runs.list()) {
      const isLost =
        row.status === 'training' ||
        row.status === 'preparing' ||
        (row.status === 'queued' && row.queue_order === null);
      if (!isLost || row.id === this.active?.id) continue;
      if (RunLock.isHeld(row.out_dir) && !RunLock.isOrphaned(row.out_dir)) {
        isHeld = true;
        continue;
      }
      const last = db.metrics.lastStep(row.id);
      db.runs.change(row.id, {
        status: 'stopped',
        is_interrupted: 1,
        ended_ms: last?.time_ms ?? row.started_ms ?? row.created_ms,
      });
      const folder = new RunFolder(row.out_dir);
      const file = readOwnFile(folder, row.id);
      if (file !== null) {
        try {
          folder.write({ ...file, status: 'stopped' });
        } catch {
          // A folder that can't be written now still goes on from its checkpoint later.
        }
      }
      interrupted.push(row.id);
    }
    if (isHeld && !this.closed) {
      this.watch = setTimeout(() => {
        for (const { id } of this.recover()) this.tellRun(id);
      }, WATCH_MS);
      this.watch.unref();
    }
    return interrupted.map((id) => this.summary(id));
  }

  private added(id: string): RunSummary {
    this.tellRun(id);
    this.tellQueue();
    this.next();
    return this.summary(id);
  }

  private tellQueue(): void {
    this.context.emit('queue.changed', this.state());
  }

  private waitingIds(): string[] {
    return this.context.db.runs.waiting().map(({ id }) => id);
  }

  private summaryOf(row: RunRow, waiting: readonly string[]): RunSummary {
    const live = this.active?.id === row.id ? this.active.live : null;
    return summarise(row, live, waiting, this.context.db);
  }
}

/** A folder for a run of this name that no other run has. */
function freeFolder(runs_dir: string, name: string, isTaken: (dir: string) => boolean): string {
  const base =
    name
      .normalize('NFKD')
      .replace(/\p{Mark}/gu, '')
      .replace(/[^\p{Letter}\p{Number}]+/gu, '-')
      .replace(/^-+|-+$/g, '')
      .toLowerCase()
      .slice(0, 60) || 'run';
  for (let number = 1; ; number++) {
    const dir = join(runs_dir, number === 1 ? base : `${base}-${number}`);
    if (!existsSync(dir) && !isTaken(dir)) return dir;
  }
}
