import { EXIT } from '../../contracts/errors.ts';
import { flatAudit, printAudit } from '../lib/audit-text.ts';
import type { Command } from '../lib/command.ts';
import { DATASET_OPTIONS, withTokens } from '../lib/dataset-options.ts';
import { completeJob } from '../../contracts/protocol.ts';
import { givenSettings, settingOptions } from '../lib/settings.ts';

/** Settings that say how rows are read, held out and scored. */
const SETTINGS = [
  'objective',
  'max_seq_len',
  'text_overlap_tokens',
  'split_seed',
  'max_val_rows',
  'eval_steps',
  'epochs',
  'max_steps',
  'micro_batch_size',
  'gradient_accumulation_steps',
];

const PARTS = { chosen: 'chosen', rejected: 'rejected', desirable: 'good', undesirable: 'bad' };

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
        {
          flag: 'val-share',
          kind: 'number',
          help: 'share of the rows of --data that a run would hold out, 0 to 0.5, chosen by --split-seed',
          default: '0',
        },
        { flag: 'preview', kind: 'boolean', help: 'print the first rows as the model will see them' },
      ],
    },
    { title: 'Dataset', options: [...DATASET_OPTIONS, ...settingOptions('train', SETTINGS)] },
  ],
  run: async (args, output) => {
    const { options } = args;
    const model_path = options.model as string;
    // The same default and range as in training.
    const given = givenSettings('train', SETTINGS, args);
    const settings = completeJob('train', {
      ...given,
      model_path,
      train_tokens_path: '-',
      out_dir: '-',
    });
    const { max_seq_len } = settings;
    const request = {
      model_path,
      data_path: options.data as string,
      val_path: (options.val as string | undefined) ?? null,
      val_share: (options['val-share'] as number | undefined) ?? 0,
      max_seq_len,
      text_overlap_tokens: settings.text_overlap_tokens,
      objective: given.objective,
      settings,
    };
    await withTokens(request, args, output, ({ audit: found }) => {
      printAudit(found, max_seq_len, output);
      if (options.preview === true) {
        for (const { line, segments, part } of found.preview) {
          output.text(
            `\nLine ${line}${part === undefined ? '' : `, ${PARTS[part]} answer`}, with what is learned in ⟦ ⟧:`,
          );
          output.text(segments.map(([text, learned]) => (learned === 1 ? `⟦${text}⟧` : text)).join(''));
        }
      }
      output.result('audit', flatAudit(found));
    });
    return EXIT.done;
  },
};
