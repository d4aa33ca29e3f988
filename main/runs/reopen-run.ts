import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { ForjaError } from '../contracts/errors.ts';
import { JOBS } from '../contracts/job-schema.ts';
import { storedSettings } from '../contracts/protocol.ts';
import type { TrainSettings } from '../contracts/protocol-types.ts';
import type { RunFile } from '../contracts/run-file.ts';
import type { ForjaDb } from '../db/index.ts';
import { inspectTrainable } from '../models/index.ts';
import { identifyModel } from './identify.ts';
import { recordRun } from './prepare-run.ts';
import { restoreSteps } from './restore-steps.ts';
import { RunFolder, type Checkpoint } from './run-folder.ts';
import { RunLock } from './run-lock.ts';

/** What differs when a run goes on: settings that native/protocol lets change, and where the model lies now, when it was moved. */
export type ResumeChanges = Partial<TrainSettings> & { model_path?: string };

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
 * @throws ForjaError run_not_found, run_file_invalid, setting_invalid, run_in_use, run_completed, file_not_found, model_changed; TrainerError
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
    run.settings = changedSettings(run.settings, settings);
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

/** @throws ForjaError setting_invalid: one that can't change, or a value that no run can have */
function changedSettings(before: TrainSettings, changes: Partial<TrainSettings>): TrainSettings {
  const fixed = Object.keys(changes).filter((name) => JOBS.train.properties[name]?.setting?.on_resume === 'fixed');
  if (fixed.length > 0) {
    throw new ForjaError(
      'setting_invalid',
      `${fixed.join(', ')} can't change when a run goes on.`,
      'Start another run with `forja train`.',
      { settings: fixed },
    );
  }
  return storedSettings({ ...before, ...changes });
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
