import { completeJob } from '../contracts/protocol.ts';
import type { InspectResult } from '../contracts/protocol-types.ts';
import { EXIT, TrainerError } from '../contracts/errors.ts';
import { humanModelName } from '../domain/model-name.ts';
import { runJob } from '../trainer/index.ts';

/**
 * Reads what a model file is. `name` is the one that people know it by (humanModelName).
 *
 * @param path a GGUF file, or any part of a split set
 * @throws TrainerError with the trainer's code for a file that is no whole GGUF
 */
export async function inspectModel(path: string): Promise<InspectResult> {
  const model = await runJob<'inspect'>(completeJob('inspect', { model_path: path }));
  return { ...model, name: humanModelName(model, model.path) };
}

/**
 * As inspectModel, for a model that is to be trained.
 * @throws TrainerError with the code that training would end with: architecture_unsupported, tensor_missing and the like
 */
export async function inspectTrainable(path: string): Promise<InspectResult> {
  const model = await inspectModel(path);
  if (model.trainable) return model;
  const { architecture, base_type, reason, reason_code, reason_hint } = model;
  throw new TrainerError(
    {
      code: reason_code ?? 'model_unsupported',
      message: reason ?? `${path} can't be trained.`,
      hint: reason_hint ?? 'Choose another model file; `forja inspect` shows what a file holds.',
      details: { path, architecture, base_type },
    },
    EXIT.bad_input,
  );
}
