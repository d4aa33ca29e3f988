import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { locateTrainer } from '../../main/trainer/index.ts';
import { memoryFolder } from '../fuzz/memory.ts';

/** Where a campaign works: a folder with a tiny model and rows for it. */
export interface Place {
  dir: string;
  model: string;
  rows: string;
  trainer: string;
  path: (name: string) => string;
  clean: () => void;
}

/**
 * A tiny model made by the native tests' fixtures, and 60 short rows.
 * @param parent default: memory; a process that is killed leaves to the system what it wrote, on any disk
 */
export function openPlace(parent = memoryFolder()): Place {
  const dir = mkdtempSync(join(parent, 'forja-crash-'));
  const path = (name: string) => join(dir, name);
  const tool = process.env.FORJA_FIXTURES ?? join(import.meta.dirname, '../../native/build/tests/forja-fixtures');
  execFileSync(tool, [dir, '--variant', 'llama', '--type', 'f32'], { stdio: 'ignore' });
  const rows = Array.from({ length: 60 }, (_, at) =>
    JSON.stringify({ instruction: `Add ${at} and ${at + 1}.`, input: '', output: `The sum is ${2 * at + 1}.` }),
  );
  writeFileSync(path('rows.jsonl'), `${rows.join('\n')}\n`);
  return {
    ...{ dir, path, model: path('llama-f32.gguf'), rows: path('rows.jsonl'), trainer: locateTrainer() },
    clean: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** The checkpoints of a run that are in place, oldest first; what a killed writer left is not among them. */
export function checkpointsOf(out: string): string[] {
  try {
    return readdirSync(join(out, 'checkpoints'))
      .filter((name) => /^step-\d{8}$/.test(name))
      .sort()
      .map((name) => join(out, 'checkpoints', name));
  } catch {
    return [];
  }
}

/** The bytes of a checkpoint's state, but for the time that the run has taken. */
export function stateBytes(checkpoint: string): Buffer {
  const bytes = readFileSync(join(checkpoint, 'state.gguf'));
  const key = 'forja.elapsed_ms';
  const at = bytes.indexOf(key);
  // Behind the key: its value's type, then the value.
  return at < 0 ? bytes : bytes.fill(0, at + key.length + 4, at + key.length + 12);
}

/** What two runs are compared by: the adapter and the last checkpoint. */
export function outcomeOf(out: string): Record<string, Buffer> {
  const last = checkpointsOf(out).at(-1);
  if (last === undefined) throw new Error(`${out} has no checkpoint.`);
  return {
    adapter: readFileSync(join(out, 'adapter.gguf')),
    'last checkpoint’s adapter': readFileSync(join(last, 'adapter.gguf')),
    'last checkpoint’s state': stateBytes(last),
  };
}

/** What differs between two outcomes, or null. */
export function difference(a: Record<string, Buffer>, b: Record<string, Buffer>): string | null {
  const names = Object.keys(a).filter((name) => b[name]?.equals(a[name]!) !== true);
  return names.length === 0 ? null : names.join(', ');
}
