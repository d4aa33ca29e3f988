import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { ForjaError } from '../contracts/errors.ts';

/** A database needs some of this for its journal, whatever is written. */
const LEAST_FREE_BYTES = 128 * 1024;

/** Why a database can't be opened, in words: a full disk, a file that is no sound database, or what SQLite says. */
export function openError(path: string, error: unknown): ForjaError {
  if (error instanceof ForjaError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const details = { path, reason };
  const because = { cause: error };
  if (code === 'SQLITE_FULL' || code === 'ENOSPC' || (code.startsWith('SQLITE_IOERR') && isFull(path))) {
    const hint = 'Free some space there, or set FORJA_DATA_DIR to a folder on another disk.';
    return new ForjaError(
      'disk_full',
      `The disk is full: the database ${path} can't be opened.`,
      hint,
      details,
      because,
    );
  }
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    const message = `The database ${path} is damaged: ${reason}`;
    const hint =
      'Move the file away, and Forja begins a new one. The runs themselves lie whole in their folders: `forja resume` and `forja export` need nothing else.';
    return new ForjaError('database_corrupt', message, hint, details, because);
  }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    const message = `The database ${path} is in use by another program, which has locked it.`;
    const hint =
      'Close that program (another Forja, a backup, a database viewer) and start again, or set FORJA_DATA_DIR to another folder.';
    return new ForjaError('database_locked', message, hint, details, because);
  }
  const hint = 'Make its folder writable, or set FORJA_DATA_DIR to another folder.';
  return new ForjaError(
    'database_unavailable',
    `The database ${path} can't be used: ${reason}`,
    hint,
    details,
    because,
  );
}

function isFull(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize < LEAST_FREE_BYTES;
  } catch {
    return false;
  }
}
