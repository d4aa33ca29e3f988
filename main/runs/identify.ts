import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { InspectResult } from '../contracts/protocol-types.ts';
import type { RunFile } from '../contracts/run-file.ts';
import type { ForjaDb } from '../db/index.ts';
import { hashFiles } from '../models/index.ts';

/**
 * A model file's identity. Its hash is taken from the database when the file has the size and time it had then.
 * @param onProgress share of the bytes hashed so far, 0 to 1
 */
export async function identifyModel(
  inspected: InspectResult,
  db: ForjaDb,
  onProgress?: (share: number) => void,
): Promise<RunFile['model']> {
  const path = resolve(inspected.path);
  const files = inspected.files.length > 0 ? inspected.files : [path];
  const stats = files.map((file) => statSync(file));
  const file_size_bytes = stats.reduce((sum, { size }) => sum + size, 0);
  const modified_ms = Math.max(...stats.map(({ mtimeMs }) => Math.floor(mtimeMs)));
  const sha256 =
    db.models.knownHash(path, file_size_bytes, modified_ms) ??
    (await hashFiles(files, (done) => onProgress?.(done / file_size_bytes)));
  const { architecture, base_type, name, n_params } = inspected;
  const model = { path, sha256, file_size_bytes, modified_ms, architecture, base_type, name, n_params };
  db.models.put({ ...model, seen_ms: Date.now() });
  return model;
}
