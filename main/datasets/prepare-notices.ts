/** What is said of a dataset while it is prepared: warnings, and why nothing can be learned. */
import { DatasetError } from './errors.ts';
import type { FileAuditor } from './file-audit.ts';
import type { DatasetWarning, TokenizeResult } from './types.ts';

export function noneHeldOut(rows: number, val_share: number): DatasetWarning {
  return {
    code: 'val_split_empty',
    message: `No row fell to validation: ${rows} rows are too few for a share of ${val_share}.`,
    hint: 'Raise the share or give a validation file.',
    details: { val_share, rows },
  };
}

export function allHeldOut(rows: number, split_seed: number): DatasetWarning {
  return {
    code: 'val_split_all',
    message: `All ${rows} rows fell to validation: they are trained on, and none is held out.`,
    hint: 'Give more rows, a validation file, or another split_seed.',
    details: { rows, split_seed },
  };
}

export function valRowsTrainedOn(path: string, shared: number, rows: number): DatasetWarning {
  return {
    code: 'val_rows_trained_on',
    message: `${shared} of ${rows} validation rows are in the training file too.`,
    hint: 'Validation will look better than it is; remove them from one of the files.',
    details: { path, rows: shared },
  };
}

export function heldOutTrainedOn(rows: number): DatasetWarning {
  return {
    code: 'held_out_rows_trained_on',
    message: `${rows} rows that the earlier run held out are among the rows to train on.`,
    hint: "Validation will look better than it is; take that run's val_share and split_seed, or its validation file.",
    details: { rows },
  };
}

export function pairsAlike(pairs: number, max_seq_len: number): DatasetWarning {
  return {
    code: 'pairs_alike',
    message: `${pairs} pairs differ only beyond max_seq_len = ${max_seq_len} tokens: nothing is learned from them.`,
    hint: 'Raise max_seq_len, or shorten what both answers begin with.',
    details: { pairs, max_seq_len },
  };
}

export function datasetChanged(path: string): DatasetError {
  return new DatasetError(
    'dataset_changed',
    `The dataset ${path} was changed while it was read.`,
    'Wait until it is written, then start again.',
    { path },
  );
}

/** @param tokens the counts of the rows to learn; null when there was none */
export function nothingLeft(auditor: FileAuditor, tokens: TokenizeResult | null): DatasetError {
  const { path, rows_read, rows_refused, refused_by_code, refused_examples } = auditor.refusals();
  const first = refused_examples[0];
  const why =
    tokens !== null
      ? 'no token of an answer is left within max_seq_len.'
      : first === undefined
        ? 'it holds no row.'
        : `all ${rows_refused} rows were refused, the first on line ${first.line}: ${first.message}`;
  return new DatasetError(
    'dataset_empty',
    `Nothing to learn from in ${path}: ${why}`,
    tokens !== null
      ? 'Raise max_seq_len, or shorten the prompts.'
      : 'Correct the rows named above, or choose another format or template.',
    { path, rows_read, rows_refused, refused_by_code, line: first?.line ?? null },
  );
}
