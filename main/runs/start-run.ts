import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { toReport } from '../contracts/errors.ts';
import { completeJob, type JobOf, type TrainerEvent } from '../contracts/protocol.ts';
import type { TrainResult } from '../contracts/protocol-types.ts';
import type { RunFile } from '../contracts/run-file.ts';
import type { ForjaDb } from '../db/index.ts';
import { startTrainer, type TrainerCommand } from '../trainer/index.ts';
import { knownDir } from './known-dir.ts';
import { RunRecorder } from './recorder.ts';
import { RunTrackers } from './trackers/index.ts';
import type { Checkpoint, RunFolder } from './run-folder.ts';
import type { RunLock } from './run-lock.ts';

export interface StartHooks {
  /** Each event of the trainer, with the line it came in. */
  onEvent?: (event: TrainerEvent, line: string) => void;
  /** Each piece of the trainer's log. */
  onLog?: (text: string) => void;
  /** Told once when the run can't be recorded any more; it goes on all the same. */
  onRecordTrouble?: (error: Error) => void;
}

/** A training that runs. */
export interface RunningRun {
  id: string;
  send(command: TrainerCommand): void;
  /** Ends the trainer at once, with no checkpoint. */
  kill(): void;
  /**
   * Resolves when the trainer has ended and all is recorded; rejects with the trainer's error, which is recorded too.
   * `result.status` says whether the run is completed or was stopped.
   */
  finished: Promise<TrainResult>;
}

/**
 * Starts the trainer on a prepared run, or on one that goes on from a checkpoint. Releases the lock when it has ended.
 *
 * @param from the checkpoint to go on from; null starts at the first step
 * @throws ForjaError trainer_missing, setting_invalid
 */
export function startRun(
  { run, folder, lock }: { run: RunFile; folder: RunFolder; lock: RunLock },
  from: Checkpoint | null,
  db: ForjaDb,
  hooks: StartHooks = {},
): RunningRun {
  const recorder = new RunRecorder(run, folder, db, (error) => hooks.onRecordTrouble?.(error));
  const log = createWriteStream(folder.logFile, { flags: 'a' }).on('error', () => undefined);
  const trackers = new RunTrackers(run.id, folder, db, (error) => hooks.onRecordTrouble?.(error));
  const onEvent = (event: TrainerEvent, line: string) => {
    recorder.record(event);
    trackers.take(event);
    hooks.onEvent?.(event, line);
  };
  const close = () => {
    recorder.close();
    trackers.close();
    log.end();
    lock.release();
  };
  try {
    recorder.note({ status: 'training', error: null });
    const trainer = startTrainer<'train'>(trainJob(run, folder, from), {
      jobPath: folder.jobFile,
      onEvent,
      onLog: (text) => {
        log.write(text);
        hooks.onLog?.(text);
      },
    });
    lock.add(trainer.pid);
    const finished = trainer.finished
      .then(
        ({ result }) => {
          recorder.note({ status: result.status, steps: result.steps, result: summary(result) });
          return result;
        },
        (error: unknown) => {
          const { code, message } = toReport(error);
          recorder.note({ status: 'failed', error: { code, message } });
          throw error;
        },
      )
      .finally(close);
    return { id: run.id, send: (command) => trainer.send(command), kill: () => trainer.kill(), finished };
  } catch (error) {
    const { code, message } = toReport(error);
    recorder.note({ status: 'failed', error: { code, message } });
    close();
    throw error;
  }
}

function trainJob(run: RunFile, folder: RunFolder, from: Checkpoint | null): JobOf<'train'> {
  return completeJob('train', {
    ...run.settings,
    model_path: run.model.path,
    train_tokens_path: join(folder.dir, run.train_tokens),
    val_tokens_path: run.val_tokens === null ? null : join(folder.dir, run.val_tokens),
    out_dir: folder.dir,
    resume_path: from?.path ?? null,
    known_dir: knownDir(run.model.sha256),
  });
}

function summary(result: TrainResult): NonNullable<RunFile['result']> {
  const { job: _job, adapter_path: _adapter, last_checkpoint_path: _checkpoint, ...rest } = result;
  return rest;
}
