import type { RefusalCode } from '../contracts/refusals.ts';
import type { Refusal, RefusalDetails } from './types.ts';

/** Codes of failures that end the work on a dataset; a single bad row is a Refusal instead. */
export type DatasetErrorCode =
  | 'dataset_not_found'
  | 'dataset_unreadable'
  | 'dataset_encoding'
  | 'dataset_kind_unsupported'
  | 'dataset_shape_unclear'
  | 'dataset_format_unknown'
  | 'dataset_turns_as_rows'
  | 'dataset_preference_pairs'
  | 'dataset_column_missing'
  | 'dataset_empty'
  | 'template_missing'
  | 'template_invalid'
  | 'dataset_changed'
  | 'dataset_cancelled';

/** A dataset can't be used at all: what is wrong, what to do, and the variable parts in `details`. */
export class DatasetError extends Error {
  override readonly name = 'DatasetError';
  readonly code: DatasetErrorCode;
  readonly hint: string;
  readonly details: Record<string, unknown>;

  constructor(code: DatasetErrorCode, message: string, hint: string, details: Record<string, unknown> = {}) {
    super(message);
    this.code = code;
    this.hint = hint;
    this.details = details;
  }
}

/** A row can't be rendered or converted; caught by the pipeline and counted, never seen by users of the layer. */
export class RowError extends Error {
  override readonly name = 'RowError';
  readonly code: RefusalCode;
  readonly details: RefusalDetails;

  constructor(code: RefusalCode, message: string, details: RefusalDetails = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }

  toRefusal(): Refusal {
    const { code, message, details } = this;
    return { code, message, details };
  }
}
