import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ForjaError } from '../../contracts/errors.ts';
import type { RunFolder } from '../../runs/index.ts';
import { count } from './format.ts';

/** An adapter of a run, and which one it is, in words. */
export interface RunAdapter {
  path: string;
  which: string;
}

/**
 * The adapter of a run that a person means.
 *
 * @param wish `best` by validation loss, `last`, or a step that has a checkpoint; undefined: the finished run's, or else the last
 * @throws ForjaError run_has_no_adapter
 */
export function adapterOf(folder: RunFolder, wish: string | undefined): RunAdapter {
  const checkpoints = folder.checkpoints();
  const last = checkpoints.at(-1);
  if (wish === 'best') {
    const path = join(folder.bestDir, 'adapter.gguf');
    if (existsSync(path)) return { path, which: 'the best by validation loss' };
  } else if (wish === undefined || wish === 'last') {
    if (existsSync(folder.adapterFile)) return { path: folder.adapterFile, which: 'of the finished run' };
    if (last !== undefined) {
      return { path: join(last.path, 'adapter.gguf'), which: `of step ${count(last.step)}; the run is not finished` };
    }
  } else {
    const found = checkpoints.find(({ step }) => step === Number(wish));
    if (found !== undefined) return { path: join(found.path, 'adapter.gguf'), which: `of step ${count(found.step)}` };
  }
  const steps = checkpoints.map(({ step }) => step);
  throw new ForjaError(
    'run_has_no_adapter',
    wish === undefined
      ? `The run in ${folder.dir} has no adapter yet: it never came to a checkpoint.`
      : `The run in ${folder.dir} has no adapter "${wish}".`,
    steps.length === 0 ? 'Go on with it by `forja resume`.' : `It has checkpoints of steps ${steps.join(', ')}.`,
    { path: folder.dir, checkpoint: wish ?? null, steps },
  );
}
