import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { trainCommand, type TrainCommandParts } from '../../domain/train-command.ts';
import { datasetChoices } from '../lib/dataset-options.ts';
import { parseCommand } from '../lib/parse.ts';
import { givenSettings, trainSettingNames } from '../lib/settings.ts';
import { train } from './train.ts';

const RUN: TrainCommandParts = {
  model_path: "/models/it's here/base.gguf",
  data_path: '/data/rows $1.csv',
  val_path: null,
  val_share: 0.05,
  format: 'prompt_completion',
  columns: { prompt: 'Pregunta larga', completion: 'a"b' },
  template: 'model',
  name: 'Pedidos `ls`',
  out_dir: '/runs/first',
  settings: {
    method: 'lora',
    lora_rank: 8,
    lora_alpha: 32,
    target_modules: ['q', 'v'],
    use_rslora: true,
    learning_rate: 0.00005,
    init_adapter_path: null,
    max_steps: 60,
    activation_budget_bytes: -1,
  },
};

/** The words that a shell makes of a line. */
function wordsOf(command: string): string[] {
  const out = execFileSync('sh', ['-c', `set -- ${command}; printf '%s\\0' "$@"`], { encoding: 'utf8' });
  return out.split('\0').slice(0, -1);
}

it('gives the same run when a shell reads it', () => {
  const words = wordsOf(trainCommand(RUN, false));
  expect(words.slice(0, 3)).toEqual(['npx', 'forja', 'train']);
  const args = parseCommand(train, words.slice(3));
  expect(args.options).toMatchObject({
    model: RUN.model_path,
    data: RUN.data_path,
    'val-share': 0.05,
    name: RUN.name,
    out: '/runs/first-2',
  });
  expect(datasetChoices(args)).toMatchObject({ format: RUN.format, columns: RUN.columns, template: 'model' });
  // Those that have their default are left out.
  expect(givenSettings('train', trainSettingNames('start'), args)).toEqual({
    lora_rank: 8,
    target_modules: ['q', 'v'],
    use_rslora: true,
    learning_rate: 0.00005,
    max_steps: 60,
  });
});

it('names a file to validate on in place of a share', () => {
  const words = wordsOf(trainCommand({ ...RUN, val_path: '/data/val.jsonl' }, false));
  expect(words).toContain('/data/val.jsonl');
  expect(words).not.toContain('--val-share');
});

it('quotes with quotation marks on Windows', () => {
  const command = trainCommand({ ...RUN, model_path: 'C:\\my models\\base.gguf', name: 'first' }, true);
  expect(command).toContain('--model "C:\\my models\\base.gguf"');
  expect(command).toContain('--name first');
});
