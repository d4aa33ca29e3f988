import { writeFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { ollamaName, shellWord } from '../../contracts/commands.ts';
import { EXIT } from '../../contracts/errors.ts';
import type { TrainerEvent } from '../../contracts/protocol.ts';
import type { JobOf } from '../../contracts/protocol.ts';
import type { ExportResult, VerifyResult } from '../../contracts/protocol-types.ts';
import { openDb } from '../../db/index.ts';
import { openTemplate, type TemplateChoice } from '../../datasets/index.ts';
import {
  exportAdapter,
  modelfile,
  modelfilePath,
  ollamaTemplate,
  whyNoTemplate,
  WITHOUT_TEMPLATE,
  type ExportCheck,
} from '../../export/index.ts';
import { inspectModel } from '../../models/index.ts';
import { exportRows, RunFolder } from '../../runs/index.ts';
import type { Arguments, Command } from '../lib/command.ts';
import { DATASET_OPTIONS, withTokens } from '../lib/dataset-options.ts';
import { bytes, count, duration, loss, percent, table } from '../lib/format.ts';
import type { Output } from '../lib/output.ts';
import { usage } from '../lib/parse.ts';
import { adapterOf } from '../lib/run-adapter.ts';
import { settingOptions } from '../lib/settings.ts';
import { typesTable } from '../lib/types-table.ts';

/** What is exported, whichever way it was named. */
interface Source {
  model_path: string;
  adapter_path: string;
  run_id: string | null;
  /** The prompt template of the run's rows; null without a run. */
  template: TemplateChoice | null;
  /** What the run's rows tell the model first; null without a run, or where they don't. */
  system_prompt: string | null;
  check: ExportCheck | null;
  /** Rows for the trial of types and for rounding. */
  rows: Partial<JobOf<'export'>>;
}

const DEFAULT_CHECK_ROWS = 64;

/** Of a dataset to check on the format is always found from its rows: --format is that of the export. */
const CHECK_DATASET_OPTIONS = DATASET_OPTIONS.filter(({ flag }) => flag !== 'format');

export const exportCommand: Command = {
  name: 'export',
  summary: 'Write the merged model or the adapter, and check what was written',
  about:
    'Types are tried on held-out rows, from the smallest file up, and the first that keeps enough of the tuning is taken; or name one with ' +
    '--type. Weights are rounded with the training rows in mind, so that small types keep more. What was written is loaded again and ' +
    'scored on held-out rows beside base and live adapter; a merge that lost the tuning is told with advice. --format peft writes a folder.',
  groups: [
    {
      title: 'What',
      options: [
        { flag: 'run', kind: 'string', value: 'DIR', help: "a run's folder" },
        {
          flag: 'checkpoint',
          kind: 'string',
          value: 'WHICH',
          help: 'which adapter of the run: best (by validation loss), last, or a step',
          default: "the finished run's",
        },
        {
          flag: 'model',
          kind: 'string',
          value: 'GGUF',
          help: 'the base model, when there is no --run or it was moved',
        },
        { flag: 'adapter', kind: 'string', value: 'GGUF', help: 'the adapter, when there is no --run' },
        {
          flag: 'output',
          kind: 'string',
          value: 'PATH',
          required: true,
          help: 'the file to write, or the folder for peft',
        },
        { flag: 'overwrite', kind: 'boolean', help: 'replace what is there' },
        ...settingOptions('export', ['format']).map((option) => ({
          ...option,
          help: `${option.help}; ollama: the merged model and a Modelfile beside it`,
          choices: [...(option.choices ?? []), 'ollama'],
        })),
        ...settingOptions('export', ['output_type']).map((option) => ({ ...option, flag: 'type' })),
        ...settingOptions('export', ['kept_share_wanted']).map((option) => ({ ...option, flag: 'keep' })),
        {
          flag: 'plain-rounding',
          kind: 'boolean',
          help: 'round each weight to the nearest value, whatever the training rows are',
        },
        ...settingOptions('export', ['max_calibration_tokens', 'threads']),
      ],
    },
    {
      title: 'Check',
      options: [
        { flag: 'no-check', kind: 'boolean', help: 'leave the check out' },
        { flag: 'check-rows', kind: 'number', help: 'rows to check on', default: String(DEFAULT_CHECK_ROWS) },
        {
          flag: 'check-data',
          kind: 'string',
          value: 'FILE',
          help: "a dataset to check on, in place of the run's own rows",
        },
        ...settingOptions('verify', ['device']),
        ...settingOptions('verify', ['max_seq_len']),
      ],
    },
    { title: 'Dataset of --check-data', options: CHECK_DATASET_OPTIONS },
  ],
  examples: [
    'forja export --run runs/first --output tuned.gguf',
    'forja export --run runs/first --type q8_0 --output tuned-q8.gguf',
    'forja export --run runs/first --keep 0.99 --output tuned.gguf',
    'forja export --run runs/first --format peft --output tuned-peft',
  ],
  run: async (args, output) => {
    const source = findSource(args, output);
    const data_path = args.options['check-data'] as string | undefined;
    if (data_path === undefined || args.options['no-check'] === true) {
      await exportAndTell(source, args, output);
      return EXIT.done;
    }
    const check = checkSettings(args);
    const request = { model_path: source.model_path, data_path, val_path: null, max_seq_len: check.max_seq_len };
    const datasetArgs = { ...args, options: { ...args.options, format: undefined } };
    await withTokens(request, datasetArgs, output, async ({ train_tokens_path }) => {
      const given = { ...check, tokens_path: train_tokens_path, is_held_out: true };
      const rows = { max_seq_len: check.max_seq_len, ...source.rows, trial_tokens_path: train_tokens_path };
      await exportAndTell({ ...source, check: given, rows }, args, output);
    });
    return EXIT.done;
  },
};

function findSource(args: Arguments, output: Output): Source {
  const { options } = args;
  const dir = options.run as string | undefined;
  const model = options.model as string | undefined;
  if (dir === undefined) {
    const adapter_path = options.adapter as string | undefined;
    if (model === undefined || adapter_path === undefined) {
      throw usage('There is nothing to export.', 'Give --run DIR, or --model and --adapter.');
    }
    if (options['no-check'] !== true && options['check-data'] === undefined) {
      output.warn(
        'The export is not checked: there are no rows to score.',
        'Give --check-data FILE, or export with --run.',
      );
    }
    return {
      model_path: model,
      adapter_path,
      run_id: null,
      template: null,
      system_prompt: null,
      check: null,
      rows: {},
    };
  }
  if (options.adapter !== undefined) throw usage('--run and --adapter are given.', 'Give one of the two.');
  const folder = new RunFolder(dir);
  const run = folder.read();
  const { path, which } = adapterOf(folder, options.checkpoint as string | undefined);
  output.text(`Adapter  ${path}\n  ${which}`);
  const tokens = run.val_tokens ?? run.train_tokens;
  const settings = checkSettings(args);
  return {
    model_path: model ?? run.model.path,
    adapter_path: path,
    run_id: run.id,
    template: run.template,
    system_prompt: folder.readAudit()?.system_prompt ?? null,
    rows: exportRows(folder, run),
    check:
      options['no-check'] === true
        ? null
        : {
            ...settings,
            max_seq_len: (options['max-seq-len'] as number | undefined) ?? run.settings.max_seq_len,
            tokens_path: resolve(folder.dir, tokens),
            is_held_out: run.val_tokens !== null,
          },
  };
}

function checkSettings({ options }: Arguments): Omit<ExportCheck, 'tokens_path' | 'is_held_out'> {
  return {
    max_rows: (options['check-rows'] as number | undefined) ?? DEFAULT_CHECK_ROWS,
    device: (options.device as string | undefined) ?? 'cpu',
    max_seq_len: (options['max-seq-len'] as number | undefined) ?? 512,
  };
}

async function exportAndTell(source: Source, args: Arguments, output: Output): Promise<void> {
  const { options } = args;
  const isOllama = options.format === 'ollama';
  const db = openDb();
  try {
    const { exported, verified } = await exportAdapter(
      {
        settings: {
          model_path: source.model_path,
          adapter_path: source.adapter_path,
          output_path: resolve(options.output as string),
          overwrite: options.overwrite === true,
          ...source.rows,
          ...(options['plain-rounding'] === true ? { calibration_tokens_path: null } : {}),
          ...(options.keep === undefined ? {} : { kept_share_wanted: options.keep as number }),
          ...(options['max-calibration-tokens'] === undefined
            ? {}
            : { max_calibration_tokens: options['max-calibration-tokens'] as number }),
          ...(options.device === undefined ? {} : { device: options.device as string }),
          ...(options.format === undefined ? {} : { format: (isOllama ? 'gguf' : options.format) as never }),
          ...(options.type === undefined ? {} : { output_type: options.type as never }),
          ...(options.threads === undefined ? {} : { threads: options.threads as number }),
        },
        check: source.check,
      },
      (event, line) => {
        output.event(event, line);
        show(event, output);
      },
    );
    const modelfile_path = isOllama ? await writeModelfile(source, exported.output_path, args, output) : null;
    db.exports.add({
      run_id: source.run_id !== null && db.runs.get(source.run_id) !== null ? source.run_id : null,
      time_ms: Date.now(),
      format: isOllama ? 'ollama' : exported.format,
      output_type: exported.output_type,
      output_path: exported.output_path,
      output_bytes: exported.output_bytes,
      verdict: verified?.verdict ?? null,
      base_loss: verified?.base_loss ?? null,
      tuned_loss: verified?.tuned_loss ?? null,
      export_loss: verified?.export_loss ?? null,
      mean_kl_divergence: verified?.mean_kl_divergence ?? null,
    });
    print(exported, verified, source.check, output);
    if (modelfile_path !== null) {
      output.text(`Modelfile  ${modelfile_path}`);
      output.text(
        `  ollama create ${ollamaName(basename(exported.output_path))} -f ${shellWord(modelfile_path, isWindows)}`,
      );
    }
    const { job: _export, ...written } = exported;
    const { job: _verify, ...checked } = verified ?? {};
    output.result('export', {
      ...written,
      ...(modelfile_path === null ? {} : { format: 'ollama', modelfile_path }),
      is_checked: verified !== null,
      is_held_out: source.check?.is_held_out ?? null,
      ...checked,
    });
  } finally {
    db.close();
  }
}

const isWindows = process.platform === 'win32';

/** Writes the Modelfile with the prompt that the rows were trained with; tells where it can't have it. @returns its path */
async function writeModelfile(
  source: Source,
  output_path: string,
  { options }: Arguments,
  output: Output,
): Promise<string> {
  const model = await inspectModel(source.model_path);
  const choice = (options.template ?? source.template ?? 'auto') as TemplateChoice;
  const prompt = ollamaTemplate({
    open: (date) => openTemplate({ ...model, date }, choice),
    bos_token: model.bos_token,
    adds_bos: model.adds_bos ?? true,
  });
  const path = modelfilePath(output_path);
  const { system_prompt } = source;
  writeFileSync(path, modelfile({ output_path, base_path: null, prompt, system_prompt, isWindows }));
  if (prompt.turns === null) output.warn(whyNoTemplate(prompt), WITHOUT_TEMPLATE);
  return path;
}

function show(event: TrainerEvent, output: Output): void {
  if (event.type === 'progress') {
    const { phase, done, total, unit } = event.data;
    output.progress(`  ${phase} ${count(done)} of ${count(total)} ${unit}`);
  }
  if (event.type === 'warning') output.warn(event.data.message, event.data.hint);
}

function print(exported: ExportResult, verified: VerifyResult | null, check: ExportCheck | null, output: Output): void {
  if (exported.types.length > 0) {
    output.text('Types  tried from the smallest file up');
    output.text(typesTable(exported.types, exported.output_type));
  }
  output.text(`Written  ${exported.output_path}`);
  output.text(
    `  ${exported.format}, ${exported.output_type}, ${bytes(exported.output_bytes)}, ${count(exported.tensors_merged)} tensors ` +
      `merged in ${duration(exported.duration_ms)}, peak memory ${bytes(exported.peak_memory_bytes)}`,
  );
  if (verified === null || check === null) return;
  const rows = check.is_held_out ? 'held-out rows' : 'rows it was trained on: there are no held-out ones';
  output.text(`Check  loaded again and scored on ${count(verified.rows)} ${rows} (${count(verified.tokens)} tokens)`);
  output.text(
    table([
      ['base', `loss ${loss(verified.base_loss)}`],
      ['base + adapter', `loss ${loss(verified.tuned_loss)}`],
      ['export', `loss ${loss(verified.export_loss)}`],
      [
        'KL from base + adapter',
        `${verified.mean_kl_divergence.toExponential(2)} nats a token (base: ${verified.base_kl_divergence.toExponential(2)})`,
      ],
      ['tuning kept', verified.recovered_share === null ? '–' : percent(verified.recovered_share)],
      ['verdict', verified.verdict],
    ]),
  );
  if (verified.advice !== null) output.warn(verified.advice);
}
