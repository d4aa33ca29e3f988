import { randomBytes } from 'node:crypto';
import { renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { chosenSettings, completeJob, type JobOf } from '../contracts/protocol.ts';
import { ForjaError } from '../contracts/errors.ts';
import type { TrainSettings } from '../contracts/protocol-types.ts';
import { RUN_FILE_VERSION, type RunFile } from '../contracts/run-file.ts';
import {
  openTemplate,
  prepareTokens,
  type ColumnMap,
  type DatasetAudit,
  type FileAudit,
  type RowFormat,
  type TemplateChoice,
} from '../datasets/index.ts';
import type { ForjaDb } from '../db/index.ts';
import { hashFiles, inspectTrainable } from '../models/index.ts';
import { HELD_OUT_FILE, takeOverSplit } from './earlier-run.ts';
import { identifyModel } from './identify.ts';
import { RunFolder, writeWhole } from './run-folder.ts';
import { RunLock } from './run-lock.ts';
import { rowCacheDir, tokenizerOf } from './tokenizer.ts';

/** What a person asks for when they start a run. */
export interface RunRequest {
  model_path: string;
  data_path: string;
  val_path: string | null;
  /** Share of the rows to validate on where there is no val_path, 0 to 0.5. */
  val_share: number;
  /**
   * The person chose how rows are split: this holds even where the run starts from the adapter of a run with another split.
   * Default: that run's split is kept.
   */
  insists_on_split?: boolean;
  format: RowFormat | 'auto';
  columns: ColumnMap;
  template: TemplateChoice;
  /** The day that templates which print a date take for today; default: today. */
  template_date?: Date | undefined;
  out_dir: string;
  /** The id of a run that waited in the database; default: a new one. */
  id?: string;
  /** Default: the folder's name. */
  name?: string;
  /** Replace a run that lies in out_dir. */
  overwrite: boolean;
  /** Settings that differ from the defaults. */
  settings: Partial<JobOf<'train'>>;
}

/** A run that is ready to start: its folder is claimed until `lock` is released. */
export interface PreparedRun {
  run: RunFile;
  folder: RunFolder;
  lock: RunLock;
  audit: DatasetAudit;
}

export interface PrepareHooks {
  /** What is being done now, and how much of it is done (0 to 1), if known. */
  onPhase?: (phase: 'reading_model' | 'hashing_model' | 'reading_dataset', share: number | null) => void;
  signal?: AbortSignal;
}

/**
 * Makes a run: checks settings and model, reads the dataset into token files in the run's folder, and records it as queued.
 * When anything is wrong the folder is left as it was, and an earlier run in it stays whole.
 *
 * @throws ForjaError setting_invalid, out_dir_holds_run, out_dir_not_empty, out_dir_unwritable, run_in_use,
 *   DatasetError; TrainerError
 */
export async function prepareRun(request: RunRequest, db: ForjaDb, hooks: PrepareHooks = {}): Promise<PreparedRun> {
  const folder = new RunFolder(request.out_dir);
  checkShare(request.val_share);
  // Checked before anything is written: the paths are filled in when the run starts.
  const settings = chosenSettings(
    completeJob('train', {
      ...request.settings,
      model_path: request.model_path,
      train_tokens_path: '-',
      out_dir: folder.dir,
    }),
  );
  const replaces = checkFree(folder, request.overwrite);
  hooks.onPhase?.('reading_model', null);
  const inspected = await inspectTrainable(request.model_path);
  const template = openTemplate({ ...inspected, date: request.template_date }, request.template);

  const isNew = folder.make();
  const lock = RunLock.take(folder.dir);
  const aside = join(folder.dir, `data.${process.pid}.tmp`);
  try {
    // Beside the reading: a large file's hash takes as long as the rows that a short run needs.
    const hashing = hashFiles([request.data_path]).catch(() => '');
    const { choice, warnings, held_out_before } = await takeOverSplit(
      settings.init_adapter_path,
      hashing,
      { split_seed: settings.split_seed, val_share: request.val_share, val_path: request.val_path },
      request.insists_on_split === true,
    );
    settings.split_seed = choice.split_seed;
    const prepared = await prepareTokens({
      data_path: request.data_path,
      val_path: choice.val_path,
      val_share: choice.val_share,
      split_seed: choice.split_seed,
      held_out_before,
      validation: settings,
      seed: settings.seed,
      format: request.format,
      objective: settings.objective,
      columns: request.columns,
      template,
      out_dir: aside,
      startTokenizer: tokenizerOf(request.model_path, settings),
      max_seq_len: settings.max_seq_len,
      text_overlap_tokens: settings.text_overlap_tokens,
      enough_rows: enoughRows(settings),
      cache_dir: rowCacheDir(),
      signal: hooks.signal,
      onProgress: ({ done, total }) => hooks.onPhase?.('reading_dataset', total === 0 ? null : done / total),
    });
    hooks.onPhase?.('hashing_model', null);
    const model = await identifyModel(inspected, db, (share) => hooks.onPhase?.('hashing_model', share));
    const { audit } = prepared;
    const data_sha256 = await hashing;
    audit.warnings.unshift(...warnings);
    const { source: _, ...split } = audit.split!;
    const tokens = (path: string) => join('data', relative(aside, path));
    const run: RunFile = {
      forja_run: RUN_FILE_VERSION,
      id: request.id ?? newRunId(),
      name: request.name ?? basename(folder.dir),
      created_ms: Date.now(),
      status: 'queued',
      model,
      dataset: { ...identifyDataset(audit.data, data_sha256), columns: audit.data.columns },
      val_dataset:
        audit.val_data === null ? null : identifyDataset(audit.val_data, await hashFiles([audit.val_data.path])),
      template: template.name,
      train_tokens: tokens(prepared.train_tokens_path),
      val_tokens: prepared.val_tokens_path === null ? null : tokens(prepared.val_tokens_path),
      split,
      settings,
      total_steps: null,
      steps: 0,
      result: null,
      error: null,
    };
    // From here on nothing of the input can be wrong: now the earlier run may go.
    writeFileSync(join(aside, HELD_OUT_FILE), prepared.held_out);
    if (replaces) folder.clear();
    renameSync(aside, folder.dataDir);
    writeWhole(folder.auditFile, `${JSON.stringify(audit, null, 2)}\n`);
    recordRun(run, folder, db);
    folder.write(run);
    return { run, folder, lock, audit };
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    lock.release();
    if (isNew) removeIfEmpty(folder.dir);
    throw error;
  }
}

const MOST_VAL_SHARE = 0.5;

/** A share beyond the rows that max_steps takes, for those in which nothing is left to learn within max_seq_len. */
const SPARE_ROWS = 0.1;

/** The rows that a run takes before max_steps ends it; null without max_steps. */
function enoughRows({ max_steps, micro_batch_size, gradient_accumulation_steps }: TrainSettings): number | null {
  const rows = max_steps * micro_batch_size * gradient_accumulation_steps;
  return rows > 0 ? Math.ceil(rows * (1 + SPARE_ROWS)) : null;
}

export function newRunId(): string {
  return randomBytes(4).toString('hex');
}

/** Puts a run into the database, with its model and datasets; of one that is there already only what was read is noted. */
export function recordRun(run: RunFile, folder: RunFolder, db: ForjaDb): void {
  const seen_ms = Date.now();
  const { columns: _, ...dataset } = run.dataset;
  db.models.put({ ...run.model, seen_ms });
  db.datasets.put({ ...dataset, seen_ms });
  if (run.val_dataset !== null) db.datasets.put({ ...run.val_dataset, seen_ms });
  db.runs.add({
    id: run.id,
    name: run.name,
    out_dir: folder.dir,
    created_ms: run.created_ms,
    model_path: run.model.path,
    model_sha256: run.model.sha256,
    dataset_path: run.dataset.path,
    dataset_sha256: run.dataset.sha256,
    val_dataset_sha256: run.val_dataset?.sha256 ?? null,
    settings: JSON.stringify(run.settings),
  });
  db.runs.change(run.id, {
    model_sha256: run.model.sha256,
    dataset_sha256: run.dataset.sha256,
    val_dataset_sha256: run.val_dataset?.sha256 ?? null,
    settings: JSON.stringify(run.settings),
  });
}

/** @throws ForjaError setting_invalid, in the words of other settings */
function checkShare(val_share: number): void {
  if (val_share >= 0 && val_share <= MOST_VAL_SHARE) return;
  throw new ForjaError(
    'setting_invalid',
    val_share < 0 ? 'val_share must be >= 0' : `val_share must be <= ${MOST_VAL_SHARE}`,
    'Correct the settings named above.',
    { settings: ['val_share'] },
  );
}

/** @returns whether an earlier run is to be replaced */
function checkFree(folder: RunFolder, overwrite: boolean): boolean {
  const taken = folder.taken();
  if (taken.length === 0) return false;
  if (overwrite) return true;
  if (!folder.holdsRun()) {
    throw new ForjaError(
      'out_dir_not_empty',
      `The output folder ${folder.dir} already has ${taken.join(', ')}, and no run.json that says whose they are.`,
      'Choose another folder, or replace them with --overwrite.',
      { path: folder.dir, names: taken },
    );
  }
  const run = folder.read();
  // A run that never came to a checkpoint has nothing worth keeping.
  if (run.status === 'failed' && folder.latestCheckpoint() === null && run.result === null) return true;
  throw new ForjaError(
    'out_dir_holds_run',
    `The output folder ${folder.dir} holds another run (${run.name}, ${run.status}).`,
    'Choose another folder, go on with that run by `forja resume`, or replace it with --overwrite.',
    { path: folder.dir, run_id: run.id, status: run.status },
  );
}

function identifyDataset(audit: FileAudit, sha256: string) {
  const { size_bytes, format, rows_read, rows_used } = audit;
  return { path: resolve(audit.path), sha256, size_bytes, format, rows_read, rows_used };
}

function removeIfEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {
    // Something else is in it now: it stays.
  }
}
