import { randomUUID } from 'node:crypto';
import { constants, copyFileSync, linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { ForjaError } from '../contracts/errors.ts';

/** How far clocks may be apart when a file's time is compared with that of the machine's start. */
const CLOCK_SLACK_MS = 10_000;

/** What a lock file says. */
interface Holders {
  /** Of this one writing of the file. */
  id: string;
  pids: number[];
}

/**
 * Keeps two processes from working in one run folder: a file with the ids of this process and of its trainer. The trainer
 * counts too: when this process is killed, it still writes a checkpoint before it exits.
 *
 * The file gets its name with its content in it, and who finds one of the dead takes it over under a lock of its own, named by the dead
 * one's id: of any number of processes that come at once, one gets it.
 */
export class RunLock {
  private readonly file: string;

  private constructor(file: string) {
    this.file = file;
  }

  /**
   * @throws ForjaError run_in_use when a live process holds the folder
   */
  static take(dir: string): RunLock {
    const lock = new RunLock(join(dir, 'run.lock'));
    acquire(lock.file, dir);
    return lock;
  }

  /** Whether a live process other than this one works in a folder. */
  static isHeld(dir: string): boolean {
    return holdersOf(join(dir, 'run.lock')).some(isAlive);
  }

  /** Whether only the trainer of a process that is gone still works in a folder: it writes a checkpoint and ends. */
  static isOrphaned(dir: string): boolean {
    const [owner, ...trainers] = holdersOf(join(dir, 'run.lock'));
    return owner !== undefined && owner !== process.pid && !isAlive(owner) && trainers.some(isAlive);
  }

  /** Adds the trainer. */
  add(pid: number | undefined): void {
    if (pid !== undefined) replace(this.file, [process.pid, pid]);
  }

  release(): void {
    rmSync(this.file, { force: true });
  }
}

/** Makes the file, or takes over one whose processes are all dead. */
function acquire(file: string, dir: string): void {
  for (;;) {
    if (make(file, [process.pid])) return;
    const found = read(file);
    if (found === null) continue; // released just now
    const alive = found.pids.filter(isAlive);
    if (alive.length > 0) throw inUse(dir, alive, file);
    const claim = `${file}.${found.id}`;
    acquire(claim, dir);
    try {
      // Only who holds the claim replaces the file with this id; another may have done so before.
      if (read(file)?.id !== found.id) continue;
      replace(file, [process.pid]);
      return;
    } finally {
      rmSync(claim, { force: true });
    }
  }
}

/** @returns false when the file is there already */
function make(file: string, pids: number[]): boolean {
  const aside = writeAside(file, pids);
  try {
    linkSync(aside, file);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    // A file system without links: the name at least is given once.
    try {
      copyFileSync(aside, file, constants.COPYFILE_EXCL);
      return true;
    } catch (copyError) {
      if ((copyError as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw copyError;
    }
  } finally {
    rmSync(aside, { force: true });
  }
}

function replace(file: string, pids: number[]): void {
  const aside = writeAside(file, pids);
  try {
    renameSync(aside, file);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
}

function writeAside(file: string, pids: number[]): string {
  const id = randomUUID();
  const aside = `${file}.${id}.tmp`;
  try {
    writeFileSync(aside, JSON.stringify({ id, pids }));
  } catch (error) {
    rmSync(aside, { force: true }); // on a full disk it is there, and empty
    throw error;
  }
  return aside;
}

/** Null when there is no such file. */
function read(file: string): Holders | null {
  let mtime_ms: number, text: string;
  try {
    mtime_ms = statSync(file).mtimeMs;
    text = readFileSync(file, 'utf8');
  } catch {
    return null;
  }
  // After a restart of the machine the same ids are those of other programs.
  const isOld = mtime_ms < Date.now() - uptime() * 1000 - CLOCK_SLACK_MS;
  const id = `of-${Math.round(mtime_ms)}`;
  try {
    const found = JSON.parse(text) as Partial<Record<keyof Holders, unknown>> | null;
    const pids = Array.isArray(found?.pids) ? found.pids.filter((pid) => typeof pid === 'number') : [];
    return {
      id: typeof found?.id === 'string' && /^[\w-]{1,64}$/.test(found.id) ? found.id : id,
      pids: isOld ? [] : pids,
    };
  } catch {
    return { id, pids: [] };
  }
}

const holdersOf = (file: string) => read(file)?.pids ?? [];

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function inUse(dir: string, pids: number[], file: string): ForjaError {
  return new ForjaError(
    'run_in_use',
    `Another process (${pids.join(', ')}) works in ${dir}.`,
    `Wait for it or stop it. If no such process is Forja's, delete ${file}.`,
    { path: dir, pids },
  );
}
