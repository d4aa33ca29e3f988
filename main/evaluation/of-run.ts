import { ForjaError } from '../contracts/errors.ts';
import type { DatasetWarning } from '../datasets/index.ts';
import { hashFiles } from '../models/index.ts';
import { readHeldOut, type RunFolder } from '../runs/index.ts';
import type { EvaluationRequest } from './definition.ts';

/** What of a request a run tells. */
export type RunsPart = Pick<
  EvaluationRequest,
  | 'base'
  | 'tuned'
  | 'data_path'
  | 'format'
  | 'columns'
  | 'template'
  | 'template_date'
  | 'max_seq_len'
  | 'held_out'
  | 'out_dir'
>;

/**
 * What of a request follows from a run: base and tuned model, template, and the rows. Without `data_path` they are the run's own
 * held-out rows. A file that the run trained on counts with its held-out rows alone.
 *
 * @param adapter_path which adapter of the run
 * @throws ForjaError run_not_found, run_file_invalid, evaluation_invalid where the run holds out no rows and no file is given
 */
export async function requestOfRun(
  folder: RunFolder,
  adapter_path: string,
  data_path: string | null,
): Promise<{ request: RunsPart; warnings: DatasetWarning[] }> {
  const run = folder.read();
  const { path: model_path } = run.model;
  const isOwn = data_path === null || (await hashFiles([data_path])) === run.dataset.sha256;
  const held_out = run.val_dataset === null ? readHeldOut(folder) : null;
  const hasHeldOut = held_out !== null && held_out.length > 0;
  if (data_path === null && run.val_dataset === null && !hasHeldOut) {
    throw new ForjaError(
      'evaluation_invalid',
      `The evaluation can't be made (data): the run in ${folder.dir} held out no rows.`,
      'Give a file of rows that it did not train on.',
      { setting: 'data', reason: 'no_held_out_rows' },
    );
  }
  const isDataset = isOwn && (data_path !== null || run.val_dataset === null);
  const warnings: DatasetWarning[] =
    isDataset && !hasHeldOut
      ? [
          {
            code: 'evaluation_rows_trained_on',
            message: `The run trained on the rows of ${data_path ?? run.dataset.path}: what it makes of them says little about others.`,
            hint: 'Evaluate on rows that it did not train on.',
            details: { path: data_path ?? run.dataset.path },
          },
        ]
      : [];
  return {
    request: {
      base: { model_path, adapter_path: null },
      tuned: { model_path, adapter_path },
      data_path: data_path ?? run.val_dataset?.path ?? run.dataset.path,
      format: isOwn ? run.dataset.format : 'auto',
      columns: isOwn ? run.dataset.columns : {},
      template: run.template,
      template_date: new Date(run.created_ms),
      max_seq_len: run.settings.max_seq_len,
      held_out: isDataset && hasHeldOut ? held_out : null,
      out_dir: folder.evaluationsDir,
    },
    warnings,
  };
}
