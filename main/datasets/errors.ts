import type { DatasetErrorCode } from '../contracts/codes.ts';
import type { RefusalCode } from '../contracts/refusals.ts';
import type { Refusal, RefusalDetails } from './types.ts';

/** A dataset can't be used at all (a single bad row is a Refusal instead): what is wrong, what to do, and the variable parts in `details`. */
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
