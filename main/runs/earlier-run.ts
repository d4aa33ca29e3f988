import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { RunFile } from '../contracts/run-file.ts';
import type { DatasetWarning } from '../datasets/index.ts';
import { isSameSplit, keptSplit, type SplitChoice } from '../domain/held-out.ts';
import { hashFiles } from '../models/index.ts';
import { RunFolder } from './run-folder.ts';

/** Where a run's folder keeps the hashes of the rows that it holds out: pairs of 32-bit numbers. */
export const HELD_OUT_FILE = 'held-out.bin';

/** Folders between an adapter and its run: checkpoints/step-00000100/adapter.gguf, best/adapter.gguf, adapter.gguf. */
const DEEPEST = 3;

/** The run that an adapter comes from: the one in whose folder it lies. Null for an adapter that lies elsewhere. */
export function earlierRun(adapter_path: string): { run: RunFile; folder: RunFolder } | null {
  let dir = resolve(adapter_path);
  for (let up = 0; up < DEEPEST; up++) {
    dir = dirname(dir);
    const folder = new RunFolder(dir);
    if (!folder.holdsRun()) continue;
    try {
      return { run: folder.read(), folder };
    } catch {
      return null;
    }
  }
  return null;
}

/** What a run that starts from an adapter takes over from the run that made it. */
export interface TakenOver {
  choice: SplitChoice;
  warnings: DatasetWarning[];
  /** The hashes of the rows that must not be trained on, as far as they are known. */
  held_out_before: Uint32Array | null;
}

/**
 * Keeps the split of the run that an adapter comes from.
 *
 * @param dataset_sha256 waited for only where it matters
 * @param asked what the person asked for; @param insists they chose the split themselves: it holds, with a warning
 */
export async function takeOverSplit(
  adapter_path: string | null,
  dataset_sha256: Promise<string>,
  asked: SplitChoice,
  insists: boolean,
): Promise<TakenOver> {
  const found = adapter_path === null ? null : earlierRun(adapter_path);
  if (found === null) return { choice: asked, warnings: [], held_out_before: null };
  const { run, folder } = found;
  const held_out_before = readHeldOut(folder);
  if (run.split === undefined) {
    if (run.val_tokens === null) return { choice: asked, warnings: [], held_out_before };
    return { choice: asked, warnings: [splitUnknown(run.name)], held_out_before };
  }
  const val_sha256 = run.val_dataset?.sha256 ?? null;
  const val_path = run.val_dataset === null ? null : await unchangedFile(run.val_dataset);
  const earlier = { dataset_sha256: run.dataset.sha256, val_sha256, val_path, split: run.split };
  if (insists || (val_sha256 !== null && val_path === null)) return { choice: asked, warnings: [], held_out_before };
  const choice = keptSplit(earlier, await dataset_sha256, asked);
  return { choice, warnings: isSameSplit(choice, asked) ? [] : [splitKept(run.name, choice)], held_out_before };
}

/** @returns the path of a file that still is what it was, or null */
async function unchangedFile({ path, sha256 }: { path: string; sha256: string }): Promise<string | null> {
  return existsSync(path) && (await hashFiles([path])) === sha256 ? path : null;
}

/** The hashes of the rows that a run holds out, as pairs of their halves; null where they were not noted. */
export function readHeldOut(folder: RunFolder): Uint32Array | null {
  try {
    const bytes = readFileSync(join(folder.dataDir, HELD_OUT_FILE));
    return new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  } catch {
    return null;
  }
}

function splitKept(name: string, { split_seed, val_share, val_path }: SplitChoice): DatasetWarning {
  const how = val_path === null ? `val_share ${val_share}, split_seed ${split_seed}` : `validation file ${val_path}`;
  return {
    code: 'split_kept',
    message: `The held-out rows of ${name} stay held out, since this run starts from its adapter (${how}).`,
    hint: '',
    details: { name, split_seed, val_share, val_path },
  };
}

function splitUnknown(name: string): DatasetWarning {
  return {
    code: 'earlier_split_unknown',
    message: `This run starts from the adapter of ${name}, whose held-out rows are not known any more: they may be trained on now.`,
    hint: 'Validate on a file of rows that were never trained on.',
    details: { name },
  };
}
