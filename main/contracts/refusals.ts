/** Why a row of a dataset can't be used. Stable: audits of finished runs hold them, and the screens' translations are keyed by them. */
export const REFUSAL_CODES = [
  'invalid_utf8',
  'invalid_json',
  'invalid_csv',
  'not_an_object',
  'row_too_long',
  'missing_column',
  'wrong_type',
  'empty_content',
  'no_answer',
  'labelled_wrong',
  'unsupported_role',
  'unsupported_content',
  'template_refused',
] as const;

export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** Why a column or field that is not used looks like it matters: it holds what is named. Keys of translations too. */
export const FIELD_QUESTIONS = [
  'reasoning',
  'tools',
  'context',
  'history',
  'rating',
  'preference',
  'weight',
  'system',
  'media',
  'split',
  'long_text',
] as const;

export type FieldQuestion = (typeof FIELD_QUESTIONS)[number];
