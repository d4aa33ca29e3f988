import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/**
 * SHA-256 of the bytes of files, one after the other (a split GGUF is hashed as its parts in order).
 *
 * @param paths the files
 * @param onProgress called with the bytes read so far
 * @returns lower-case hex
 */
export async function hashFiles(paths: readonly string[], onProgress?: (done: number) => void): Promise<string> {
  const hash = createHash('sha256');
  let done = 0;
  for (const path of paths) {
    for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) {
      hash.update(piece as Buffer);
      done += (piece as Buffer).length;
      onProgress?.(done);
    }
  }
  return hash.digest('hex');
}
