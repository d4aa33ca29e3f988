import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { ForjaError } from '../contracts/errors.ts';
import type { RunFile } from '../contracts/run-file.ts';
import type { ForjaDb } from '../db/index.ts';
import { inspectTrainable } from '../models/index.ts';
import { identifyModel } from './identify.ts';
import { recordRun } from './prepare-run.ts';
import { restoreSteps } from './restore-steps.ts';
import { RunFolder, type Checkpoint } from './run-folder.ts';
import { RunLock } from './run-lock.ts';

/** Settings that may differ when a run goes on: where and how it is computed, and the rate where the run's own was too high. */
export interface ResumeChanges {
  /** Where the model lies now, when it was moved. */
  model_path?: string;
  threads?: number;
  device?: string;
  checkpoint_steps?: number;
  checkpoints_kept?: number;
  learning_rate?: number;
}

/** A run that is ready to go on. */
export interface ReopenedRun {
  run: RunFile;
  folder: RunFolder;
  lock: RunLock;
  /** Null when the run never came to a checkpoint: it starts anew, with the same numbers. */
  from: Checkpoint | null;
}

/**
 * Opens a run's folder to go on with it. Only the folder and the model file are needed: a run that the database doesn't know
 * is put into it.
 *
 * @throws ForjaError run_not_found, run_file_invalid, run_in_use, run_completed, file_not_found, model_changed; TrainerError
 */
export async function reopenRun(dir: string, changes: ResumeChanges, db: ForjaDb): Promise<ReopenedRun> {
  const folder = new RunFolder(dir);
  const run = folder.read();
  if (run.status === 'completed') {
    throw new ForjaError(
      'run_completed',
      `The run in ${folder.dir} is completed: ${run.steps} of ${run.total_steps ?? run.steps} steps.`,
      'Export it with `forja export`, or start another with `forja train`.',
      { path: folder.dir, steps: run.steps },
    );
  }
  const lock = RunLock.take(folder.dir);
  try {
    const path = resolve(changes.model_path ?? run.model.path);
    requireModel(path);
    const model = await identifyModel(await inspectTrainable(path), db);
    if (model.sha256 !== run.model.sha256) {
      throw new ForjaError(
        'model_changed',
        `${path} is not the file that this run began with: its SHA-256 is ${model.sha256}, not ${run.model.sha256}.`,
        'Give the original file with --model.',
        { path, sha256: model.sha256, expected: run.model.sha256 },
      );
    }
    run.model = model;
    const { model_path: _, ...settings } = changes;
    Object.assign(run.settings, settings);
    recordRun(run, folder, db);
    db.runs.change(run.id, { out_dir: folder.dir, model_path: path, settings: JSON.stringify(run.settings) });
    const from = folder.latestCheckpoint();
    if (from !== null) restoreSteps(run.id, folder, from.step, db);
    return { run, folder, lock, from };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function requireModel(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return;
  throw new ForjaError(
    'file_not_found',
    `The run's model is not there any more: ${path}`,
    'Give the place where it is now with --model.',
    { path },
  );
}
