import { EXIT } from '../../contracts/errors.ts';
import type { RunFile } from '../../contracts/run-file.ts';
import { openDb } from '../../db/index.ts';
import { prepareRun, type PreparedRun } from '../../runs/index.ts';
import { flatAudit, printAudit } from '../lib/audit-text.ts';
import type { Arguments, Command } from '../lib/command.ts';
import { DATASET_OPTIONS, datasetChoices } from '../lib/dataset-options.ts';
import { followRun } from '../lib/follow-run.ts';
import { bytes, millions } from '../lib/format.ts';
import { onInterrupt } from '../lib/interrupts.ts';
import type { Output } from '../lib/output.ts';
import { givenSettings, trainSettingGroups, trainSettingNames } from '../lib/settings.ts';

const PHASES = {
  reading_model: 'reading the model',
  hashing_model: 'hashing the model',
  reading_dataset: 'reading the dataset',
};

export const train: Command = {
  name: 'train',
  summary: 'Fine-tune a model on a dataset',
  about:
    'Ctrl-C writes a checkpoint and stops (exit code 3); `forja resume DIR` goes on from there with the same numbers as if it ' +
    'had never stopped. Without --val and --val-share all rows are trained on.',
  groups: [
    {
      title: 'What',
      options: [
        { flag: 'model', kind: 'string', value: 'GGUF', required: true, help: 'the base model' },
        {
          flag: 'data',
          kind: 'string',
          value: 'FILE',
          required: true,
          help: 'the dataset: .jsonl, .json, .csv or .txt',
        },
        { flag: 'val', kind: 'string', value: 'FILE', help: 'a dataset to validate on' },
        {
          flag: 'val-share',
          kind: 'number',
          help: 'share of the rows of --data to validate on, 0 to 0.5, chosen by --split-seed',
          default: '0',
        },
        { flag: 'out', kind: 'string', value: 'DIR', required: true, help: "the run's folder; made when missing" },
        { flag: 'name', kind: 'string', help: "the run's name", default: "the folder's" },
        { flag: 'overwrite', kind: 'boolean', help: 'replace a run that lies in --out' },
      ],
    },
    { title: 'Dataset', options: DATASET_OPTIONS },
    ...trainSettingGroups('start'),
  ],
  examples: [
    'forja train --model SmolLM2.gguf --data rows.jsonl --val-share 0.05 --out runs/first --epochs 2',
    'forja train --model SmolLM2.gguf --data rows.jsonl --out runs/second --lora-rank 8 --target-modules q,v',
  ],
  run: async (args, output) => {
    const db = openDb();
    try {
      const prepared = await prepare(args, output, db);
      if (prepared === null) return EXIT.stopped;
      const { run, folder, audit } = prepared;
      printModel(run.model, output);
      printAudit(audit, run.settings.max_seq_len, output);
      const { exit_code, result } = await followRun(prepared, null, db, output);
      const { rows_read, rows_used, rows_refused } = flatAudit(audit);
      const { job: _, ...rest } = result;
      output.result(
        'train',
        { ...rest, run_id: run.id, out_dir: folder.dir, rows_read, rows_used, rows_refused },
        exit_code,
      );
      return exit_code;
    } finally {
      db.close();
    }
  },
};

/** @returns null when it was interrupted */
async function prepare(args: Arguments, output: Output, db: ReturnType<typeof openDb>): Promise<PreparedRun | null> {
  const { options } = args;
  const abort = new AbortController();
  const interrupts = onInterrupt(
    () => abort.abort(),
    () => process.exit(EXIT.stopped),
  );
  try {
    return await prepareRun(
      {
        ...datasetChoices(args),
        model_path: options.model as string,
        data_path: options.data as string,
        val_path: (options.val as string | undefined) ?? null,
        val_share: (options['val-share'] as number | undefined) ?? 0,
        insists_on_split: ['val', 'val-share', 'split-seed'].some((name) => options[name] !== undefined),
        out_dir: options.out as string,
        name: options.name as string | undefined,
        overwrite: options.overwrite === true,
        settings: givenSettings('train', trainSettingNames('start'), args),
      },
      db,
      {
        signal: abort.signal,
        onPhase: (phase, share) =>
          output.progress(`${PHASES[phase]} …${share === null ? '' : ` ${Math.floor(share * 100)} %`}`),
      },
    );
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    output.warn('Stopped before the training began; nothing was written.');
    output.result('train', { status: 'stopped', steps: 0 }, EXIT.stopped);
    return null;
  } finally {
    interrupts.release();
  }
}

function printModel(model: RunFile['model'], output: Output): void {
  output.text(`Model  ${model.path}`);
  output.text(
    `  ${model.name ?? 'unnamed'}: ${model.architecture}, ${model.base_type}, ${millions(model.n_params)} parameters, ` +
      bytes(model.file_size_bytes),
  );
}
