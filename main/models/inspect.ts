import { completeJob } from '../contracts/protocol.ts';
import type { InspectResult } from '../contracts/protocol-types.ts';
import { ForjaError } from '../contracts/errors.ts';
import { runJob } from '../trainer/index.ts';

/**
 * Reads what a model file is.
 *
 * @param path a GGUF file, or any part of a split set
 * @throws TrainerError with the trainer's code for a file that is no whole GGUF
 */
export async function inspectModel(path: string): Promise<InspectResult> {
  return runJob<'inspect'>(completeJob('inspect', { model_path: path }));
}

/**
 * As inspectModel, for a model that is to be trained.
 * @throws ForjaError model_not_trainable with the reason that the trainer gave
 */
export async function inspectTrainable(path: string): Promise<InspectResult> {
  const model = await inspectModel(path);
  if (model.trainable) return model;
  const { architecture, base_type, reason } = model;
  throw new ForjaError(
    'model_not_trainable',
    `The model ${path} can't be trained: ${reason ?? 'the trainer does not say why'}`,
    'Choose another model file; `forja inspect` shows what a file holds.',
    { path, architecture, base_type, reason },
  );
}
