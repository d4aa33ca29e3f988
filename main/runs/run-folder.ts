import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { ForjaError } from '../contracts/errors.ts';
import type { DatasetAudit } from '../datasets/index.ts';
import { RUN_FILE_VERSION, runFileSchema, type RunFile } from '../contracts/run-file.ts';

/** What a run puts into its folder, and nothing else is ever removed from there. */
const OWN_NAMES = [
  'run.json',
  'audit.json',
  'events.jsonl',
  'trainer.log',
  'job.json',
  'data',
  'checkpoints',
  'best',
  'adapter.gguf',
  'evaluations',
  'metrics.csv',
  'tensorboard',
];

/** A checkpoint that is whole on disk. */
export interface Checkpoint {
  step: number;
  path: string;
}

/** The folder of one run. */
export class RunFolder {
  readonly dir: string;
  readonly runFile: string;
  readonly auditFile: string;
  readonly eventsFile: string;
  readonly logFile: string;
  readonly jobFile: string;
  readonly dataDir: string;
  readonly adapterFile: string;
  readonly bestDir: string;
  readonly checkpointsDir: string;
  readonly evaluationsDir: string;
  readonly metricsFile: string;
  readonly tensorboardDir: string;

  constructor(dir: string) {
    this.dir = resolve(dir);
    this.runFile = join(this.dir, 'run.json');
    this.auditFile = join(this.dir, 'audit.json');
    this.eventsFile = join(this.dir, 'events.jsonl');
    this.logFile = join(this.dir, 'trainer.log');
    this.jobFile = join(this.dir, 'job.json');
    this.dataDir = join(this.dir, 'data');
    this.adapterFile = join(this.dir, 'adapter.gguf');
    this.bestDir = join(this.dir, 'best');
    this.checkpointsDir = join(this.dir, 'checkpoints');
    this.evaluationsDir = join(this.dir, 'evaluations');
    this.metricsFile = join(this.dir, 'metrics.csv');
    this.tensorboardDir = join(this.dir, 'tensorboard');
  }

  holdsRun(): boolean {
    return existsSync(this.runFile);
  }

  /** Names in the folder that a new run would write over. */
  taken(): string[] {
    return OWN_NAMES.filter((name) => existsSync(join(this.dir, name)));
  }

  /**
   * @throws ForjaError run_not_found, run_file_invalid
   */
  read(): RunFile {
    let text: string;
    try {
      text = readFileSync(this.runFile, 'utf8');
    } catch {
      throw new ForjaError(
        'run_not_found',
        `There is no run in ${this.dir}: it holds no run.json.`,
        'Give the folder that was the --out of `forja train`; `forja runs` lists them.',
        { path: this.dir },
      );
    }
    let reason: string;
    try {
      const parsed = runFileSchema.safeParse(JSON.parse(text));
      if (parsed.success) return parsed.data;
      reason = z.prettifyError(parsed.error).replaceAll('\n', ' ');
    } catch (error) {
      reason = (error as Error).message;
    }
    throw new ForjaError(
      'run_file_invalid',
      `${this.runFile} can't be read as a run: ${reason}`,
      `It may be of a newer Forja (this one reads version ${RUN_FILE_VERSION}) or damaged.`,
      { path: this.runFile, reason },
    );
  }

  /** What was said of the run's dataset; null where the file can't be read. Runs of earlier versions lack newer fields. */
  readAudit(): Partial<DatasetAudit> | null {
    try {
      return JSON.parse(readFileSync(this.auditFile, 'utf8')) as Partial<DatasetAudit>;
    } catch {
      return null;
    }
  }

  /** Writes run.json so that there always is a whole one under its name. */
  write(run: RunFile): void {
    writeWhole(this.runFile, `${JSON.stringify(run, null, 2)}\n`);
  }

  /**
   * Makes the folder.
   * @returns whether it was not there before
   * @throws ForjaError out_dir_unwritable
   */
  make(): boolean {
    try {
      const made = mkdirSync(this.dir, { recursive: true });
      const probe = join(this.dir, `.forja-probe-${process.pid}`);
      writeFileSync(probe, '');
      rmSync(probe);
      return made !== undefined;
    } catch (error) {
      const reason = (error as Error).message;
      throw new ForjaError(
        'out_dir_unwritable',
        `The output folder ${this.dir} can't be written: ${reason}`,
        'Choose another folder, or make this one writable.',
        { path: this.dir, reason },
      );
    }
  }

  /** Removes what an earlier run left; other files stay. */
  clear(): void {
    for (const name of OWN_NAMES) rmSync(join(this.dir, name), { recursive: true, force: true });
  }

  /** All whole checkpoints, the oldest first. */
  checkpoints(): Checkpoint[] {
    if (!existsSync(this.checkpointsDir)) return [];
    return readdirSync(this.checkpointsDir)
      .flatMap((name) => {
        const step = /^step-(\d+)$/.exec(name)?.[1];
        const path = join(this.checkpointsDir, name);
        return step !== undefined && existsSync(join(path, 'adapter.gguf')) && existsSync(join(path, 'state.gguf'))
          ? [{ step: Number(step), path }]
          : [];
      })
      .sort((a, b) => a.step - b.step);
  }

  latestCheckpoint(): Checkpoint | null {
    return this.checkpoints().at(-1) ?? null;
  }
}

/** Writes a file aside, syncs and renames it. */
export function writeWhole(path: string, text: string): void {
  const aside = `${path}.${process.pid}.tmp`;
  try {
    const file = openSync(aside, 'w');
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
}
