import type { LogEntry, RunPhase, RunSample } from '../contracts/ipc.ts';
import { ForjaError, toReport } from '../contracts/errors.ts';
import type { TrainerEvent } from '../contracts/protocol.ts';
import type { StepData, ValidationData } from '../contracts/protocol-types.ts';
import type { ForjaDb, RunRow } from '../db/index.ts';
import { prepareRun, reopenRun, RunFolder, startRun, type Checkpoint, type RunningRun } from '../runs/index.ts';
import type { TrainerCommand } from '../trainer/index.ts';
import { RunLog } from './run-log.ts';
import { examplesOf } from './run-examples.ts';
import { readOwnFile, requestOf, type LiveState } from './run-summary.ts';
import { Sampler } from './sampler.ts';
import { throttle } from './throttle.ts';

/** New steps and validations, told together. */
export interface Progress {
  forget_after_step: number | null;
  steps: (StepData & { time_ms: number })[];
  validations: (ValidationData & { time_ms: number })[];
}

export interface ActiveRunHooks {
  /** Its summary changed. */
  onChange: () => void;
  /** New steps, at most ten times a second. */
  onProgress: (progress: Progress) => void;
  onLog: (entries: LogEntry[]) => void;
  onSample: (sample: RunSample) => void;
}

type Prepared = Parameters<typeof startRun>[0] & { from: Checkpoint | null };

/** How often the summary of a run that trains is told anew; its steps come faster, as progress. */
const SUMMARY_MS = 1000;

/** The run that is being prepared or trained, from the moment it leaves the queue until it has ended. */
export class ActiveRun {
  readonly id: string;
  readonly live: LiveState = { phase: null, phase_share: null, is_paused: false, last_step: null };
  private readonly row: RunRow;
  private readonly db: ForjaDb;
  private readonly hooks: ActiveRunHooks;
  private readonly log: RunLog;
  private readonly abort = new AbortController();
  private readonly tellChange: ReturnType<typeof throttle>;
  private readonly tellSteps = throttle(() => this.flush());
  private readonly tellSummary: ReturnType<typeof throttle>;
  private running: RunningRun | null = null;
  private sampler: Sampler | null = null;
  private pending: Progress = { forget_after_step: null, steps: [], validations: [] };
  private validatedStep = -1;
  private isQuitting = false;
  /** Resolves when the last answers to its prompts are written; for after its end. */
  answers: Promise<void> = Promise.resolve();

  constructor(row: RunRow, db: ForjaDb, hooks: ActiveRunHooks) {
    this.id = row.id;
    this.row = row;
    this.db = db;
    this.hooks = hooks;
    this.log = new RunLog(row.id, db, (entries) => hooks.onLog(entries));
    this.tellChange = throttle(() => hooks.onChange());
    this.tellSummary = throttle(() => hooks.onChange(), SUMMARY_MS);
  }

  /** Prepares and trains to the end, whatever that is: it is recorded, and nothing is thrown. */
  async run(): Promise<void> {
    const { db, id } = this;
    db.runs.change(id, {
      status: 'preparing',
      queue_order: null,
      is_interrupted: 0,
      ended_ms: null,
      error_code: null,
      error_message: null,
      error_hint: null,
      error_details: null,
    });
    this.setPhase('reading_model');
    try {
      const prepared = await this.prepare();
      if (this.abort.signal.aborted) {
        prepared.lock.release();
        throw new ForjaError(
          'run_not_active',
          'The run was stopped before its training began.',
          'Go on with it later.',
        );
      }
      await this.train(prepared);
    } catch (error) {
      this.fail(error);
    } finally {
      this.live.phase = null;
      this.live.phase_share = null;
      this.live.is_paused = false;
      this.tellSteps.cancel();
      this.flush();
      this.log.close();
      this.tellChange.cancel();
      this.tellSummary.cancel();
      this.hooks.onChange();
      // Answers that are still being written go on beside whatever comes next.
      if (this.isQuitting) this.sampler?.close();
      else this.answers = this.sampler?.finish() ?? this.answers;
    }
  }

  /** Tells the trainer; before it has started only `stop` means something. */
  send(command: TrainerCommand): void {
    if (this.running !== null) this.running.send(command);
    else if (command === 'stop') this.abort.abort();
    if (command === 'stop') this.setPhase('stopping');
  }

  /** Stops as `stop` does, and leaves no process behind. */
  quit(): void {
    this.isQuitting = true;
    this.send('stop');
  }

  /** Ends answers that are still being written after the run has ended. */
  dropAnswers(): void {
    this.sampler?.close();
  }

  private async prepare(): Promise<Prepared> {
    const { row, db } = this;
    const folder = new RunFolder(row.out_dir);
    if (readOwnFile(folder, row.id) !== null) return await reopenRun(row.out_dir, {}, db);
    const request = requestOf(row);
    if (request === null) return await reopenRun(row.out_dir, {}, db); // Says what is missing.
    const { model_path, data_path, val_path, val_share, format, columns, template } = request;
    const prepared = await prepareRun(
      {
        model_path,
        data_path,
        val_path,
        val_share,
        format,
        columns,
        template,
        out_dir: row.out_dir,
        id: row.id,
        name: row.name,
        overwrite: false,
        settings: JSON.parse(row.settings) as object,
      },
      db,
      { signal: this.abort.signal, onPhase: (phase, share) => this.setPhase(phase, share) },
    );
    for (const { code, message, details } of prepared.audit.warnings) this.log.add('warning', message, code, details);
    return { ...prepared, from: null };
  }

  private async train(prepared: Prepared): Promise<void> {
    const { run, folder } = prepared;
    const prompts = requestOf(this.row)?.sample_prompts ?? [];
    if (prompts.length > 0) {
      this.sampler = new Sampler({
        run,
        folder,
        prompts,
        systemPrompt: async () => (await examplesOf(this.row, 1))[0]?.system ?? '',
        onSample: (sample) => {
          this.db.samples.add({ ...sample, run_id: this.id });
          this.hooks.onSample(sample);
        },
        onTrouble: (report) => this.log.add('warning', report.message, 'samples_failed', { reason: report.message }),
      });
    }
    this.setPhase('loading_model');
    this.running = startRun(prepared, prepared.from, this.db, {
      onEvent: (event) => this.take(event),
      onLog: (text) => this.log.addText(text),
      onRecordTrouble: ({ message }) =>
        this.log.add('warning', `The run can't be recorded any more: ${message}`, 'record_failed', { reason: message }),
    });
    await this.running.finished;
  }

  private take(event: TrainerEvent): void {
    const { pending, live } = this;
    switch (event.type) {
      case 'status':
        live.is_paused = event.data.phase === 'paused';
        this.setPhase(event.data.phase === 'resumed' ? 'training' : (event.data.phase as RunPhase));
        break;
      case 'plan':
        pending.forget_after_step = event.data.start_step;
        pending.steps = [];
        pending.validations = [];
        if (event.data.start_step === 0) this.sampler?.sampleBase();
        this.tellChange();
        this.tellSteps();
        break;
      case 'step':
        live.last_step = event.data;
        pending.steps.push({ ...event.data, time_ms: event.time_ms });
        this.tellSteps();
        this.tellSummary();
        break;
      case 'validation':
        this.validatedStep = event.data.step;
        pending.validations.push({ ...event.data, time_ms: event.time_ms });
        this.tellSteps();
        this.tellChange();
        break;
      case 'checkpoint':
        // The model answers where it was validated, and at its end.
        if (event.data.step === this.validatedStep || event.data.reason === 'final') this.sampler?.sample(event.data);
        this.tellChange();
        break;
      case 'progress':
        live.phase_share = event.data.total > 0 ? Math.min(1, event.data.done / event.data.total) : null;
        this.tellChange();
        break;
      case 'warning':
        this.log.add('warning', event.data.message, event.data.code, event.data.details);
        break;
      default:
    }
  }

  private setPhase(phase: RunPhase, share: number | null = null): void {
    const isNew = this.live.phase !== phase;
    this.live.phase = phase;
    this.live.phase_share = share;
    if (isNew) this.tellChange.now();
    else this.tellChange();
  }

  private fail(error: unknown): void {
    const { code, message, hint, details } = toReport(error);
    const ended_ms = Date.now();
    if (this.abort.signal.aborted) {
      this.db.runs.change(this.id, { status: 'stopped', ended_ms });
      return;
    }
    this.log.add('error', message, code, details);
    this.db.runs.change(this.id, {
      status: 'failed',
      ended_ms,
      error_code: code,
      error_message: message,
      error_hint: hint,
      error_details: JSON.stringify(details),
    });
  }

  private flush(): void {
    const progress = this.pending;
    if (progress.forget_after_step === null && progress.steps.length === 0 && progress.validations.length === 0) return;
    this.pending = { forget_after_step: null, steps: [], validations: [] };
    this.hooks.onProgress(progress);
  }
}
