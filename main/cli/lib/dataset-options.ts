import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  openTemplate,
  prepareTokens,
  type ColumnMap,
  type PreparedTokens,
  type RowFormat,
  type TemplateChoice,
} from '../../datasets/index.ts';
import { inspectModel } from '../../models/index.ts';
import { rowCacheDir, tokenizerOf } from '../../runs/index.ts';
import type { TrainSettings } from '../../contracts/protocol-types.ts';
import type { ValidationSettings } from '../../domain/validation.ts';
import { ROW_FORMATS } from '../../contracts/shapes/datasets.ts';
import type { Arguments, Option } from './command.ts';
import type { Output } from './output.ts';
import { usage } from './parse.ts';

/** How a dataset is read and written as prompts. */
export const DATASET_OPTIONS: Option[] = [
  {
    flag: 'format',
    kind: 'string',
    help: 'what the columns mean',
    choices: ['auto', ...ROW_FORMATS],
    default: 'auto: found from the first rows',
  },
  {
    flag: 'column',
    kind: 'string',
    value: 'PART=NAME',
    repeated: true,
    help: 'a column with a name of its own, such as output=gold; with no name the part is left out; may be repeated',
  },
  {
    flag: 'template',
    kind: 'string',
    help: "how a row becomes a prompt: the model's own chat template, one of the two Alpaca ones, or prompt and answer put together as they are",
    choices: ['auto', 'model', 'alpaca', 'alpaca-short', 'plain'],
    default: "auto: the model's own where it has one",
  },
  {
    flag: 'template-date',
    kind: 'string',
    value: 'YYYY-MM-DD',
    help: 'the day that templates which print a date take for today',
    default: 'today',
  },
];

/** The dataset options as the datasets layer takes them. */
export function datasetChoices({ options }: Arguments): {
  format: RowFormat | 'auto';
  columns: ColumnMap;
  template: TemplateChoice;
  template_date: Date | undefined;
} {
  const columns: Record<string, string> = {};
  for (const pair of (options.column as string[] | undefined) ?? []) {
    const at = pair.indexOf('=');
    if (at <= 0) throw usage(`--column takes PART=NAME, not "${pair}".`, 'For instance --column output=gold.');
    columns[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return {
    format: (options.format ?? 'auto') as RowFormat | 'auto',
    columns,
    template: (options.template ?? 'auto') as TemplateChoice,
    template_date: dateOf(options['template-date'] as string | undefined),
  };
}

/** A day at noon, so that it is the same day in every zone's summer and winter. @throws ForjaError usage */
function dateOf(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const date = new Date(`${text}T12:00:00`);
  if (/^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(date.getTime())) return date;
  throw usage(`--template-date takes a day such as 2026-03-01, not "${text}".`, 'Leave it out for today.');
}

/**
 * Reads a dataset into token files that are there only while `use` runs.
 * @throws DatasetError, TrainerError
 */
export async function withTokens<T>(
  request: {
    model_path: string;
    data_path: string;
    val_path: string | null;
    val_share?: number;
    max_seq_len: number;
    text_overlap_tokens?: number;
    /** What is to be learned; without it, rows of any kind are read. */
    objective?: TrainSettings['objective'] | undefined;
    settings?: ValidationSettings & { split_seed: number };
  },
  args: Arguments,
  output: Output,
  use: (prepared: PreparedTokens) => Promise<T> | T,
): Promise<T> {
  const { format, columns, template, template_date: date } = datasetChoices(args);
  const { model_path, data_path, val_path, val_share, settings } = request;
  output.progress(`reading ${model_path}`);
  const model = await inspectModel(model_path);
  const out_dir = await mkdtemp(join(tmpdir(), 'forja-tokens-'));
  try {
    const prepared = await prepareTokens({
      data_path,
      val_path,
      val_share,
      split_seed: settings?.split_seed,
      validation: settings,
      cache_dir: rowCacheDir(),
      format,
      objective: request.objective,
      columns,
      template: openTemplate({ ...model, date }, template),
      out_dir,
      startTokenizer: tokenizerOf(model_path, request),
      max_seq_len: request.max_seq_len,
      text_overlap_tokens: request.text_overlap_tokens,
      onProgress: ({ done, total }) => {
        output.progress(`reading ${data_path}  ${total === 0 ? '' : `${Math.floor((100 * done) / total)} %`}`);
      },
    });
    return await use(prepared);
  } finally {
    await rm(out_dir, { recursive: true, force: true });
  }
}
