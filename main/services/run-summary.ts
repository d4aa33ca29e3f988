import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type {
  ExportRecord,
  NewRunRequest,
  RunCheckpoint,
  RunDetail,
  RunPhase,
  RunSummary,
  RunVerdict,
  SamplePrompt,
  TrainSettings,
} from '../contracts/ipc.ts';
import type { PlanData, StepData } from '../contracts/protocol-types.ts';
import type { RunFile } from '../contracts/run-file.ts';
import type { DatasetAudit } from '../datasets/index.ts';
import { trainCommand } from '../domain/train-command.ts';
import { verdictOf } from '../domain/verdict.ts';
import type { ExportRow, ForjaDb, RunRow } from '../db/index.ts';
import { RunFolder } from '../runs/index.ts';

/** What is known of the active run and not yet in the database. */
export interface LiveState {
  phase: RunPhase | null;
  phase_share: number | null;
  is_paused: boolean;
  last_step: StepData | null;
}

/** A run as lists show it. */
export function summarise(row: RunRow, live: LiveState | null, waiting: readonly string[], db: ForjaDb): RunSummary {
  const model = row.model_sha256 === null ? null : db.models.get(row.model_sha256);
  const position = waiting.indexOf(row.id);
  const step = live?.last_step ?? null;
  const isBusy = row.status === 'training' || row.status === 'preparing' || position >= 0;
  const folder = new RunFolder(row.out_dir);
  const hasBest = existsSync(join(folder.bestDir, 'adapter.gguf'));
  return {
    id: row.id,
    name: row.name,
    out_dir: row.out_dir,
    status: row.status,
    phase: live?.phase ?? null,
    phase_share: live?.phase_share ?? null,
    is_paused: live?.is_paused ?? false,
    queue_position: position < 0 ? null : position,
    is_interrupted: row.is_interrupted === 1,
    can_continue: !isBusy && row.status !== 'completed' && (row.request !== null || folder.holdsRun()),
    has_adapter: existsSync(folder.adapterFile) || hasBest || folder.latestCheckpoint() !== null,
    // Only where the losses may say so is all of them looked at.
    advised_checkpoint:
      hasBest && (row.val_loss ?? 0) > (row.best_val_loss ?? Infinity) && judge(row, db)?.kind === 'memorised'
        ? 'best'
        : 'final',
    created_ms: row.created_ms,
    started_ms: row.started_ms,
    ended_ms: isBusy ? null : row.ended_ms,
    model_path: row.model_path,
    model_name: model?.name ?? null,
    architecture: model?.architecture ?? null,
    base_type: model?.base_type ?? null,
    dataset_path: row.dataset_path,
    total_steps: row.total_steps,
    steps: step?.step ?? row.steps,
    train_loss: step?.train_loss ?? row.train_loss,
    val_loss: row.val_loss,
    best_val_loss: row.best_val_loss,
    tokens_per_second: step?.tokens_per_second ?? row.tokens_per_second,
    trainable_parameters: row.trainable_parameters,
    peak_memory_bytes: step?.peak_memory_bytes ?? row.peak_memory_bytes,
    estimated_memory_bytes: row.estimated_memory_bytes,
    elapsed_ms: step?.elapsed_ms ?? row.duration_ms ?? (row.steps > 0 ? lastElapsed(row.id, db) : null),
    eta_ms: step?.eta_ms ?? null,
    error:
      row.error_code === null
        ? null
        : {
            code: row.error_code,
            message: row.error_message ?? '',
            hint: row.error_hint ?? '',
            details: (JSON.parse(row.error_details ?? '{}') ?? {}) as Record<string, unknown>,
          },
    tags: JSON.parse(row.tags) as string[],
    notes: row.notes,
    starred: row.starred === 1,
  };
}

/** All that is known of a run. */
export function describeRun(summary: RunSummary, row: RunRow, db: ForjaDb): RunDetail {
  const folder = new RunFolder(row.out_dir);
  const file = readOwnFile(folder, row.id);
  const request = requestOf(row);
  const settings = JSON.parse(row.settings) as Partial<TrainSettings>;
  const columns = file?.dataset.columns ?? request?.columns ?? {};
  const made = {
    columns,
    template: file?.template ?? request?.template ?? ('auto' as const),
    format: file?.dataset.format ?? request?.format ?? ('auto' as const),
    val_path: file?.val_dataset?.path ?? request?.val_path ?? null,
    val_share: request?.val_share ?? file?.split?.val_share ?? 0,
  };
  const { model_path, dataset_path: data_path, name, out_dir } = summary;
  return {
    ...summary,
    ...made,
    command: trainCommand({ ...made, model_path, data_path, name, out_dir, settings }, process.platform === 'win32'),
    model_name: summary.model_name ?? file?.model.name ?? null,
    settings,
    verdict: judge(row, db),
    sample_prompts: request?.sample_prompts ?? [],
    plan: row.plan === null ? null : (JSON.parse(row.plan) as PlanData),
    split: heldOutOf(file),
    dataset: readAudit(folder, file !== null),
    checkpoints: checkpointsOf(row.id, folder, db),
    samples: db.samples
      .ofRun(row.id)
      .map(({ step, prompt_index, time_ms, prompt, text }) => ({ step, prompt_index, time_ms, prompt, text })),
    exports: db.exports.ofRun(row.id).map(toExportRecord).reverse(),
  };
}

/** What the losses of a run say that came to its end; null before that. */
function judge(row: RunRow, db: ForjaDb): RunVerdict | null {
  if (row.status !== 'completed') return null;
  const curve = db.metrics.curve(row.id);
  const [first, last] = [curve[0], curve.at(-1)];
  const losses = first === undefined || last === undefined || first === last ? null : ([first[1], last[1]] as const);
  return verdictOf(db.metrics.validations(row.id), losses);
}

/** What a person asked for in the app; null for a run of the command line. */
export function requestOf(row: RunRow): NewRunRequest | null {
  if (row.request === null) return null;
  const request = JSON.parse(row.request) as NewRunRequest;
  // Earlier versions knew prompts without an answer.
  const sample_prompts = (request.sample_prompts as (SamplePrompt | string)[]).map((one) =>
    typeof one === 'string' ? { system: null, prompt: one, expected: null } : one,
  );
  return { ...request, sample_prompts };
}

/** The run.json of a run, or null when its folder has none (yet), or another run's. */
export function readOwnFile(folder: RunFolder, id: string): RunFile | null {
  if (!folder.holdsRun()) return null;
  try {
    const file = folder.read();
    return file.id === id ? file : null;
  } catch {
    return null;
  }
}

export function toExportRecord(row: ExportRow & { id: number }): ExportRecord {
  return {
    ...row,
    verdict: row.verdict as ExportRecord['verdict'],
    exists: existsSync(row.output_path),
  };
}

/** What says which rows a run holds out; null until it was prepared. */
function heldOutOf(file: RunFile | null): RunDetail['split'] {
  if (file === null) return null;
  return {
    dataset_sha256: file.dataset.sha256,
    val_sha256: file.val_dataset?.sha256 ?? null,
    split: file.split ?? null,
  };
}

function lastElapsed(run_id: string, db: ForjaDb): number | null {
  return db.metrics.lastStep(run_id)?.elapsed_ms ?? null;
}

function readAudit(folder: RunFolder, isOwn: boolean): RunDetail['dataset'] {
  const audit = isOwn ? folder.readAudit() : null;
  if (audit === null) return null;
  const { preview: _, examples: _examples, system_prompt: _system, ...report } = audit as DatasetAudit;
  return report;
}

/** Bytes of a checkpoint's files. */
function sizeOf(path: string): number {
  return ['adapter.gguf', 'state.gguf'].reduce(
    (sum, name) => sum + (statSync(join(path, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

/** Checkpoints on disk with what the database knows of them; the best one besides. */
function checkpointsOf(run_id: string, folder: RunFolder, db: ForjaDb): RunCheckpoint[] {
  const reported = db.metrics.checkpoints(run_id);
  const losses = new Map(db.metrics.validations(run_id).map(({ step, val_loss }) => [step, val_loss]));
  const steps = folder.checkpoints().map(({ step }) => step);
  const bestStep = reported.findLast(({ reason }) => reason === 'best')?.step;
  const trained = new Map(
    db.metrics
      .stepsAt(run_id, bestStep === undefined ? steps : [...steps, bestStep])
      .map(({ step, train_loss }) => [step, train_loss]),
  );
  const describe = (step: number, path: string, known: (typeof reported)[number] | undefined): RunCheckpoint => ({
    step,
    path,
    reason: known?.reason ?? 'interval',
    time_ms: known?.time_ms ?? 0,
    val_loss: losses.get(step) ?? null,
    train_loss: trained.get(step) ?? null,
    size_bytes: sizeOf(path),
  });
  const found = folder.checkpoints().map(({ step, path }) =>
    describe(
      step,
      path,
      reported.find((one) => one.step === step && one.reason !== 'best'),
    ),
  );
  const best = reported.findLast(({ reason }) => reason === 'best');
  if (best !== undefined && existsSync(join(folder.bestDir, 'adapter.gguf')))
    found.push(describe(best.step, folder.bestDir, best));
  return found.sort((a, b) => a.step - b.step);
}
