import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ForjaError } from '../contracts/errors.ts';
import type { CheckpointChoice } from '../contracts/ipc.ts';
import type { RunFolder } from '../runs/index.ts';

/**
 * The adapter file of a run that a person chose.
 *
 * @param choice `final` falls back to the last checkpoint of a run that is not finished
 * @throws ForjaError run_has_no_adapter
 */
export function chosenAdapter(folder: RunFolder, choice: CheckpointChoice): { path: string; step: number | null } {
  const checkpoints = folder.checkpoints();
  const last = checkpoints.at(-1);
  if (choice === 'final' && existsSync(folder.adapterFile)) return { path: folder.adapterFile, step: null };
  if (choice === 'best') {
    const path = join(folder.bestDir, 'adapter.gguf');
    if (existsSync(path)) return { path, step: null };
  }
  const found = typeof choice === 'number' ? checkpoints.find(({ step }) => step === choice) : last;
  if (found !== undefined && choice !== 'best') return { path: join(found.path, 'adapter.gguf'), step: found.step };
  throw new ForjaError(
    'run_has_no_adapter',
    `The run in ${folder.dir} has no adapter "${choice}".`,
    'Let it come to a checkpoint first, or choose another one.',
    { path: folder.dir, checkpoint: choice, steps: checkpoints.map(({ step }) => step) },
  );
}
