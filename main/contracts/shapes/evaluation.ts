/** Evaluations: what is measured on held-out rows before and after tuning, and what came out. */
import { z } from 'zod';

/** What can be measured, in the order in which it is shown. docs/evaluation.md says how each is computed. */
export const METRICS = [
  'loss',
  'perplexity',
  'exact_match',
  'token_f1',
  'rouge_l',
  'chrf',
  'regex',
  'json_valid',
  'json_schema',
  'number',
  'multiple_choice',
] as const;

export type Metric = (typeof METRICS)[number];

/** What a person asks for may have more than one figure: options count as they are, and by their length. */
export const FIGURES = [...METRICS, 'multiple_choice_normalised'] as const;

export type FigureName = (typeof FIGURES)[number];

/** The model as it was, and as it was tuned. */
export const SIDES = ['base', 'tuned'] as const;

export type Side = (typeof SIDES)[number];

/**
 * What the rows say of a difference: `better` and `worse` only where chance is no good explanation (docs/evaluation.md has the rule),
 * `unclear` else, with how many rows would probably tell.
 */
export const judgement = z.object({
  kind: z.enum(['better', 'worse', 'unclear']),
  /** Null where no number of rows is in sight: nothing differs, or so little that a million rows would not tell. */
  rows_needed: z.int().nullable(),
});

export type Judgement = z.infer<typeof judgement>;

/** One figure of both sides, over the rows that both have. Where there is no tuned side, the base stands alone. */
export const figure = z.object({
  name: z.enum(FIGURES),
  rows: z.int(),
  base: z.number(),
  tuned: z.number().nullable(),
  /** tuned - base. */
  difference: z.number().nullable(),
  /** The 95 % interval of the difference. */
  low: z.number().nullable(),
  high: z.number().nullable(),
  /** Of rows that are right or wrong: right in the base alone and in the tuned alone, and McNemar's exact two-sided p. */
  mcnemar: z.object({ base_only: z.int(), tuned_only: z.int(), p: z.number() }).nullable(),
  judgement: judgement.nullable(),
  /** The same of a part of the rows (a subject) or a part of each row (a field). */
  parts: z.array(z.object({ name: z.string(), rows: z.int(), base: z.number(), tuned: z.number().nullable() })),
});

export type Figure = z.infer<typeof figure>;
