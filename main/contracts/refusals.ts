/** Why a row of a dataset can't be used. Stable: audits of finished runs hold them, and the screens' translations are keyed by them. */
export { REFUSAL_CODES, type RefusalCode } from './codes.ts';

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
