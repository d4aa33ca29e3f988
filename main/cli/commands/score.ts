import { EXIT } from '../../contracts/errors.ts';
import { completeJob } from '../../contracts/protocol.ts';
import { runJob } from '../../trainer/index.ts';
import { flatAudit, printAudit } from '../lib/audit-text.ts';
import type { Command } from '../lib/command.ts';
import { DATASET_OPTIONS, withTokens } from '../lib/dataset-options.ts';
import { bytes, count, loss, table } from '../lib/format.ts';
import { givenSettings, settingOptions } from '../lib/settings.ts';

const SETTINGS = ['max_seq_len', 'device', 'threads', 'compute_type'];

export const score: Command = {
  name: 'score',
  summary: 'Mean loss and perplexity of a dataset under a model, or a model and an adapter',
  groups: [
    {
      title: 'What',
      options: [
        { flag: 'model', kind: 'string', value: 'GGUF', required: true, help: 'the model' },
        { flag: 'adapter', kind: 'string', value: 'GGUF', help: 'an adapter to put on it' },
        { flag: 'data', kind: 'string', value: 'FILE', required: true, help: 'the dataset' },
      ],
    },
    { title: 'Dataset', options: DATASET_OPTIONS },
    { title: 'Machine', options: settingOptions('score', SETTINGS) },
  ],
  run: async (args, output) => {
    const model_path = args.options.model as string;
    const settings = {
      ...givenSettings('score', SETTINGS, args),
      model_path,
      adapter_path: (args.options.adapter as string | undefined) ?? null,
    };
    const { max_seq_len } = completeJob('score', { ...settings, tokens_path: '-' });
    const request = { model_path, data_path: args.options.data as string, val_path: null, max_seq_len };
    await withTokens(request, args, output, async ({ audit, train_tokens_path }) => {
      printAudit(audit, max_seq_len, output);
      const job = completeJob('score', { ...settings, tokens_path: train_tokens_path });
      const result = await runJob<'score'>(job, {
        onEvent: (event, line) => {
          output.event(event, line);
          if (event.type === 'progress') {
            output.progress(`scoring ${count(event.data.done)} of ${count(event.data.total)} ${event.data.unit}`);
          }
        },
      });
      output.text('Score');
      output.text(
        table([
          ['mean loss', `${loss(result.mean_loss)} nats a token`],
          ['perplexity', result.perplexity.toFixed(3)],
          ['over', `${count(result.tokens)} learned tokens in ${count(result.rows)} rows`],
          ['peak memory', bytes(result.peak_memory_bytes)],
        ]),
      );
      const { job: _, ...rest } = result;
      const { rows_read, rows_refused, duplicate_rows } = flatAudit(audit);
      output.result('score', { ...rest, rows_read, rows_refused, duplicate_rows });
    });
    return EXIT.done;
  },
};
