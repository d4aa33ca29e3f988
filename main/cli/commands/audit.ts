import { EXIT } from '../../contracts/errors.ts';
import { flatAudit, printAudit } from '../lib/audit-text.ts';
import type { Command } from '../lib/command.ts';
import { DATASET_OPTIONS, withTokens } from '../lib/dataset-options.ts';
import { completeJob } from '../../contracts/protocol.ts';
import { givenSettings, settingOptions } from '../lib/settings.ts';

export const audit: Command = {
  name: 'audit',
  summary: 'Show what of a dataset a model would learn, row by row refused and why',
  groups: [
    {
      title: 'What',
      options: [
        {
          flag: 'model',
          kind: 'string',
          value: 'GGUF',
          required: true,
          help: 'the model whose tokens and template count',
        },
        { flag: 'data', kind: 'string', value: 'FILE', required: true, help: 'the dataset' },
        { flag: 'val', kind: 'string', value: 'FILE', help: 'a dataset to validate on' },
        { flag: 'preview', kind: 'boolean', help: 'print the first rows as the model will see them' },
      ],
    },
    { title: 'Dataset', options: [...DATASET_OPTIONS, ...settingOptions('train', ['max_seq_len'])] },
  ],
  run: async (args, output) => {
    const { options } = args;
    const model_path = options.model as string;
    // The same default and range as in training.
    const { max_seq_len } = completeJob('tokenize', {
      ...givenSettings('tokenize', ['max_seq_len'], args),
      model_path,
      output_path: '-',
    });
    const request = {
      model_path,
      data_path: options.data as string,
      val_path: (options.val as string | undefined) ?? null,
      max_seq_len,
    };
    await withTokens(request, args, output, ({ audit: found }) => {
      printAudit(found, max_seq_len, output);
      if (options.preview === true) {
        for (const { line, segments } of found.preview) {
          output.text(`\nLine ${line}, with what is learned in ⟦ ⟧:`);
          output.text(segments.map(([text, learned]) => (learned === 1 ? `⟦${text}⟧` : text)).join(''));
        }
      }
      output.result('audit', flatAudit(found));
    });
    return EXIT.done;
  },
};
