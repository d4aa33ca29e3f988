/** What other programs read a run's curves from: `metrics.csv`, and `tensorboard/` with an event file. */
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TrainerEvent } from '../../contracts/protocol.ts';
import type { StepData, ValidationData } from '../../contracts/protocol-types.ts';
import type { ForjaDb } from '../../db/index.ts';
import type { RunFolder } from '../run-folder.ts';
import { CSV_HEADER, csvLine } from './metrics-csv.ts';
import { fileVersion, scalars, sessionStart } from './tfevents.ts';

/** Lines are written together, at most this late. */
const BATCH_MS = 500;

type Timed<Data> = Data & { time_ms: number };
type Step = Timed<Omit<StepData, 'total_steps' | 'eta_ms'>>;
type Validation = Timed<Pick<ValidationData, 'step' | 'val_loss' | 'perplexity'>>;

/** Writes a run's metrics for other programs. Where that fails nothing else does: it is told of once. */
export class RunTrackers {
  private readonly run_id: string;
  private readonly folder: RunFolder;
  private readonly db: ForjaDb;
  private readonly onTrouble: (error: Error) => void;
  private csv = '';
  private events: Buffer[] = [];
  private eventFile: string | null = null;
  private flushed_ms = 0;
  private hasTrouble = false;

  constructor(run_id: string, folder: RunFolder, db: ForjaDb, onTrouble: (error: Error) => void) {
    this.run_id = run_id;
    this.folder = folder;
    this.db = db;
    this.onTrouble = onTrouble;
  }

  /** Takes an event after the database has it. */
  take(event: TrainerEvent): void {
    if (this.hasTrouble) return;
    try {
      this.store(event);
    } catch (error) {
      this.hasTrouble = true;
      this.onTrouble(error as Error);
    }
  }

  close(): void {
    if (this.hasTrouble) return;
    try {
      this.flush();
    } catch (error) {
      this.onTrouble(error as Error);
    }
  }

  private store(event: TrainerEvent): void {
    const { time_ms } = event;
    switch (event.type) {
      case 'plan':
        this.begin(event.data.start_step, time_ms);
        break;
      case 'step':
        this.addStep({ ...event.data, time_ms });
        break;
      case 'validation':
        this.addValidation({ ...event.data, time_ms });
        break;
      default:
        return;
    }
    if (event.type !== 'step' || Date.now() - this.flushed_ms > BATCH_MS) this.flush();
  }

  /** Both files anew, with the steps that count: what was lost when a process was killed is in them, what is void is not. */
  private begin(start_step: number, time_ms: number): void {
    const { tensorboardDir, metricsFile } = this.folder;
    rmSync(tensorboardDir, { recursive: true, force: true });
    mkdirSync(tensorboardDir, { recursive: true });
    // Another name each time: TensorBoard reads on from where it was in a file that it knows.
    this.eventFile = join(tensorboardDir, `events.out.tfevents.${Math.floor(time_ms / 1000)}.forja.${process.pid}`);
    this.csv = '';
    this.events = [fileVersion(time_ms), sessionStart(0, time_ms)];
    writeFileSync(metricsFile, CSV_HEADER);
    if (start_step === 0 && this.db.metrics.validations(this.run_id).length === 0) return;
    const validations = this.db.metrics.validations(this.run_id).filter(({ step }) => step <= start_step);
    for (const step of this.db.metrics.steps(this.run_id)) {
      if (step.step > start_step) break;
      while (validations[0] !== undefined && validations[0].step < step.step) this.addValidation(validations.shift()!);
      this.addStep(step);
    }
    for (const validation of validations) this.addValidation(validation);
  }

  private addStep(step: Step): void {
    this.csv += csvLine(step.step, step.time_ms, { step });
    this.events.push(
      scalars(step.step, step.time_ms, [
        ['train/loss', step.train_loss],
        ['train/learning_rate', step.learning_rate],
        ['train/grad_norm', step.grad_norm],
        ['train/tokens_per_second', step.tokens_per_second],
        ['train/epoch', step.epoch],
      ]),
    );
  }

  private addValidation(validation: Validation): void {
    const { step, time_ms, val_loss, perplexity } = validation;
    this.csv += csvLine(step, time_ms, { validation });
    this.events.push(
      scalars(step, time_ms, [
        ['validation/loss', val_loss],
        ['validation/perplexity', perplexity],
      ]),
    );
  }

  private flush(): void {
    this.flushed_ms = Date.now();
    const [csv, events] = [this.csv, this.events];
    this.csv = '';
    this.events = [];
    if (csv !== '') appendFileSync(this.folder.metricsFile, csv);
    if (events.length > 0 && this.eventFile !== null) appendFileSync(this.eventFile, Buffer.concat(events));
  }
}
