import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { ForjaError } from '../contracts/errors.ts';
import {
  isResultOf,
  parseEvent,
  PROTOCOL_MAJOR,
  type JobOf,
  type JobType,
  type TrainerEvent,
} from '../contracts/protocol.ts';
import type { ErrorData, HelloData, JobResults } from '../contracts/protocol-types.ts';
import { explainEnding } from './ending.ts';
import { LineSplitter } from './lines.ts';
import { locateTrainer } from './locate.ts';

/** What a running training job can be told. */
export type TrainerCommand = 'pause' | 'resume' | 'checkpoint' | 'stop';

export interface TrainerOptions {
  /** Default: found by locateTrainer. */
  trainerPath?: string;
  /** Where the job is written; default a temporary file that goes when the trainer has ended. */
  jobPath?: string;
  /** Each event as it comes, with the line it was read from. */
  onEvent?: (event: TrainerEvent, line: string) => void;
  /** Each piece of the trainer's log (stderr). */
  onLog?: (text: string) => void;
  /** Aborting ends a job of runJob at once. */
  signal?: AbortSignal | undefined;
}

/** A job that ended with a result; `stopped` when it was stopped by request before it was done. */
export interface Finished<Type extends JobType> {
  result: JobResults[Type];
  stopped: boolean;
}

/** A running trainer. */
export interface TrainerProcess<Type extends JobType> {
  pid: number | undefined;
  /** A tokenize job's rows go here; its end tells a training job to write a checkpoint and exit. */
  stdin: Writable;
  send(command: TrainerCommand): void;
  /** Ends the process at once, with no checkpoint. */
  kill(): void;
  /**
   * Resolves when the process has ended with its result.
   * Rejects with TrainerError (the trainer's own code) or ForjaError trainer_killed, trainer_crashed, trainer_unstartable,
   * protocol_mismatch, protocol_violation.
   */
  finished: Promise<Finished<Type>>;
}

/** The trainers that run now, for killTrainers. */
const running = new Set<ChildProcessWithoutNullStreams>();

/** Ends every trainer at once: for a process that is told to end and has nothing to save. */
export function killTrainers(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** How much of the log is kept for an error report. */
const LOG_TAIL_CHARS = 16_384;

/**
 * Starts the trainer with a job.
 *
 * It gets a process group of its own, so that a Ctrl-C in a terminal reaches only us and we decide what becomes of it. When
 * this process dies its stdin ends, which makes the trainer write a checkpoint and exit.
 *
 * @throws ForjaError trainer_missing
 */
export function startTrainer<Type extends JobType>(
  job: JobOf<Type>,
  options: TrainerOptions = {},
): TrainerProcess<Type> {
  const trainerPath = options.trainerPath ?? locateTrainer();
  const jobPath = options.jobPath ?? join(mkdtempSync(join(tmpdir(), 'forja-job-')), 'job.json');
  writeFileSync(jobPath, `${JSON.stringify(job, null, 2)}\n`);
  const child = spawn(trainerPath, [jobPath], {
    stdio: 'pipe',
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  running.add(child);
  // The trainer's end is told by its exit: a broken pipe on the way there says nothing more.
  child.stdin.on('error', () => undefined);
  const watch = new Watch<Type>(child, job.type, options);
  const finished = watch.finished.finally(() => {
    running.delete(child);
    if (options.jobPath === undefined) rmSync(dirname(jobPath), { recursive: true, force: true });
  });
  // A caller that only listens to events may look at the end later.
  finished.catch(() => undefined);
  return {
    pid: child.pid,
    stdin: child.stdin,
    send: (command) => {
      if (child.stdin.writable) child.stdin.write(`${command}\n`);
    },
    kill: () => child.kill('SIGKILL'),
    finished,
  };
}

/**
 * Runs a job that takes nothing on stdin to its end.
 * @returns its result
 * @throws as TrainerProcess.finished (trainer_killed after an abort), and trainer_missing
 */
export async function runJob<Type extends JobType>(
  job: JobOf<Type>,
  options: TrainerOptions = {},
): Promise<JobResults[Type]> {
  const { signal } = options;
  const trainer = startTrainer(job, options);
  const kill = () => trainer.kill();
  if (signal?.aborted === true) kill();
  signal?.addEventListener('abort', kill, { once: true });
  try {
    return (await trainer.finished).result;
  } finally {
    signal?.removeEventListener('abort', kill);
  }
}

/** Follows one process from its first line to its exit. */
class Watch<Type extends JobType> {
  readonly finished: Promise<Finished<Type>>;
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly type: Type;
  private readonly options: TrainerOptions;
  private result: JobResults[Type] | null = null;
  private error: ErrorData | null = null;
  private fault: Error | null = null;
  private greeted = false;
  private log = '';

  constructor(child: ChildProcessWithoutNullStreams, type: Type, options: TrainerOptions) {
    this.child = child;
    this.type = type;
    this.options = options;
    const lines = new LineSplitter();
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      for (const line of lines.push(piece)) this.read(line);
    });
    child.stderr.setEncoding('utf8').on('data', (piece: string) => {
      this.log = (this.log + piece).slice(-LOG_TAIL_CHARS);
      options.onLog?.(piece);
    });
    this.finished = new Promise((resolve, reject) => {
      child.on('error', (error) => reject(this.unstartable(error)));
      child.on('close', (code, signal) => {
        if (this.fault !== null) reject(this.fault);
        else if (this.result !== null && (code === 0 || code === 3)) {
          resolve({ result: this.result, stopped: code === 3 });
        } else reject(explainEnding({ code, signal, error: this.error, log: this.log }));
      });
    });
  }

  private read(line: string): void {
    if (this.fault !== null || line === '') return;
    try {
      const event = parseEvent(line);
      if (event === null) return;
      if (!this.greeted) this.greet(event);
      if (event.type === 'error') this.error = event.data;
      if (event.type === 'result' && isResultOf(this.type, event.data)) this.result = event.data;
      this.options.onEvent?.(event, line);
    } catch (error) {
      // Nothing that such a trainer does can be trusted.
      this.fault = error as Error;
      this.child.kill('SIGKILL');
    }
  }

  private greet(event: TrainerEvent): void {
    this.greeted = true;
    if (event.type !== 'hello') {
      throw new ForjaError('protocol_violation', 'The trainer did not say hello first.', REBUILD, { type: event.type });
    }
    checkProtocol(event.data);
  }

  private unstartable(error: Error): ForjaError {
    return new ForjaError(
      'trainer_unstartable',
      `The trainer could not be started: ${error.message}`,
      'Build it anew with `npm run setup`, or install the app again.',
      { reason: error.message },
    );
  }
}

const REBUILD = 'The trainer and the app are of different versions: run `npm run setup`, or install the app again.';

function checkProtocol({ protocol_major, trainer_version }: HelloData): void {
  if (protocol_major === PROTOCOL_MAJOR) return;
  throw new ForjaError(
    'protocol_mismatch',
    `The trainer speaks protocol ${protocol_major}, and this version of Forja ${PROTOCOL_MAJOR}.`,
    REBUILD,
    { protocol_major, expected: PROTOCOL_MAJOR, trainer_version },
  );
}
