import type { Details } from './describe-error.ts';

/** Why a row of a dataset can be left out; main/datasets/types.ts declares them for its side. */
export type RefusalWord =
  | 'invalid_utf8'
  | 'invalid_json'
  | 'invalid_csv'
  | 'not_an_object'
  | 'row_too_long'
  | 'missing_column'
  | 'wrong_type'
  | 'empty_content'
  | 'no_answer'
  | 'unsupported_role'
  | 'unsupported_content'
  | 'template_refused';

/** A language that says nothing of its own leaves the layer's English sentence as it is. */
export type RefusalTexts = Partial<Record<string, (details: Details) => string>>;
export type TranslatedRefusals = Record<RefusalWord, (details: Details) => string> & RefusalTexts;
