import { EXIT } from '../../contracts/errors.ts';
import { completeJob } from '../../contracts/protocol.ts';
import { runJob } from '../../trainer/index.ts';
import type { Command } from '../lib/command.ts';
import { bytes, count, millions, table } from '../lib/format.ts';

export const inspect: Command = {
  name: 'inspect',
  summary: 'Show what a model file is, and whether it can be trained',
  words: ['GGUF'],
  groups: [],
  run: async ({ words }, output) => {
    const job = completeJob('inspect', { model_path: words[0]! });
    const model = await runJob<'inspect'>(job, { onEvent: (event, line) => output.event(event, line) });
    const types = Object.entries(model.tensor_types).sort(([, a], [, b]) => b - a);
    output.text(model.path);
    output.text(
      table([
        ['name', model.name ?? '–'],
        ['licence', model.license ?? '–'],
        ['architecture', model.architecture],
        ['parameters', `${count(model.n_params)} (${millions(model.n_params)})`],
        ['size', `${bytes(model.file_size_bytes)}${model.files.length > 1 ? ` in ${model.files.length} files` : ''}`],
        ['weights', types.map(([type, tensors]) => `${type} × ${tensors}`).join(', ')],
        ['blocks', count(model.n_layer)],
        [
          'width',
          `n_embd ${count(model.n_embd)}, n_ff ${count(model.n_ff)}, n_head ${model.n_head} (kv ${model.n_head_kv})`,
        ],
        ['vocabulary', `${count(model.n_vocab)}${model.tied_head ? ', head tied to the embedding' : ''}`],
        ['context', `${count(model.n_ctx_train)} tokens`],
        ['chat template', model.chat_template === null ? 'none' : `${count(model.chat_template.length)} characters`],
        ['trainable', model.trainable ? 'yes' : `no: ${model.reason ?? ''} ${model.reason_hint ?? ''}`],
      ]),
    );
    const { job: _, ...rest } = model;
    output.result('inspect', rest);
    return EXIT.done;
  },
};
