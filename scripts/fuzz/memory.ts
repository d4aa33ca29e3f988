import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const MEMORY = '/dev/shm';

/** A folder in memory, where the system has one, else that for temporary files: waiting for a disk is most of a tiny file's time. */
export function memoryFolder(): string {
  return existsSync(MEMORY) ? MEMORY : tmpdir();
}
