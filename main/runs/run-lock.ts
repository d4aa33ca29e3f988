import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { ForjaError } from '../contracts/errors.ts';

/** How far clocks may be apart when a file's time is compared with that of the machine's start. */
const CLOCK_SLACK_MS = 10_000;

/**
 * Keeps two processes from working in one run folder: a file with the ids of this process and of its trainer. The trainer
 * counts too: when this process is killed, it still writes a checkpoint before it exits.
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
    for (let attempt = 0; ; attempt++) {
      try {
        writeFileSync(lock.file, JSON.stringify({ pids: [process.pid] }), { flag: 'wx' });
        return lock;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        // On a full disk the file is there, and empty.
        if (code === 'ENOSPC' || code === 'EDQUOT') lock.release();
        if (code !== 'EEXIST' || attempt > 2) throw error;
      }
      const holders = lock.holders().filter(isAlive);
      if (holders.length > 0) throw inUse(dir, holders, lock.file);
      rmSync(lock.file, { force: true });
    }
  }

  /** Whether a live process other than this one works in a folder. */
  static isHeld(dir: string): boolean {
    return new RunLock(join(dir, 'run.lock')).holders().some(isAlive);
  }

  /** Whether only the trainer of a process that is gone still works in a folder: it writes a checkpoint and ends. */
  static isOrphaned(dir: string): boolean {
    const [owner, ...trainers] = new RunLock(join(dir, 'run.lock')).holders();
    return owner !== undefined && owner !== process.pid && !isAlive(owner) && trainers.some(isAlive);
  }

  /** Adds the trainer. */
  add(pid: number | undefined): void {
    if (pid !== undefined) writeFileSync(this.file, JSON.stringify({ pids: [process.pid, pid] }));
  }

  release(): void {
    rmSync(this.file, { force: true });
  }

  private holders(): number[] {
    try {
      // After a restart of the machine the same ids are those of other programs.
      if (statSync(this.file).mtimeMs < Date.now() - uptime() * 1000 - CLOCK_SLACK_MS) return [];
      const { pids } = JSON.parse(readFileSync(this.file, 'utf8')) as { pids?: unknown };
      return Array.isArray(pids) ? pids.filter((pid) => typeof pid === 'number') : [];
    } catch {
      return [];
    }
  }
}

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
