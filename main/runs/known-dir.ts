import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { identityOf } from '../datasets/index.ts';
import { cacheDir } from '../models/index.ts';
import { locateTrainer } from '../trainer/index.ts';

/** How many bases are known at most; the ones that were not needed longest go. */
const MOST_BASES = 100;

/**
 * The folder in which the trainer keeps what it finds out about a base once, for later runs: another one where the base's bytes
 * or the trainer differ. Null where it can't be made, so that everything is found out anew.
 *
 * @param parent gets a folder for each base
 * @throws ForjaError trainer_missing
 */
export function knownDir(model_sha256: string, parent = join(cacheDir(), 'known')): string | null {
  const key = createHash('sha256').update(JSON.stringify([identityOf(locateTrainer()), model_sha256]));
  const dir = join(parent, key.digest('hex').slice(0, 32));
  try {
    mkdirSync(dir, { recursive: true });
    utimesSync(dir, new Date(), new Date());
    prune(parent);
    return dir;
  } catch {
    return null;
  }
}

function prune(parent: string): void {
  const names = readdirSync(parent);
  if (names.length <= MOST_BASES) return;
  const found = names.map((name) => ({ name, used_ms: statSync(join(parent, name)).mtimeMs }));
  found.sort((a, b) => b.used_ms - a.used_ms);
  for (const { name } of found.slice(MOST_BASES)) rmSync(join(parent, name), { recursive: true, force: true });
}
