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

/** An evaluation that has ended, as the screen lists it. */
export const evaluationSummary = z.object({
  key: z.string().regex(/^[0-9a-f]{12}$/),
  created_ms: z.number(),
  data_path: z.string(),
  rows: z.int(),
  refused_rows: z.int(),
  not_held_out_rows: z.int(),
  not_sampled_rows: z.int(),
  too_long_rows: z.int(),
  figures: z.array(figure),
});

export type EvaluationSummary = z.infer<typeof evaluationSummary>;

/** A row with what both sides made of it: the answer, or the option that was likeliest. */
export const evaluationRow = z.object({
  line: z.int(),
  prompt: z.string(),
  expected: z.string(),
  base: z.string().nullable(),
  tuned: z.string().nullable(),
  /** Of each figure what the row has by itself, base and tuned; null where it has none. */
  values: z.partialRecord(z.enum(FIGURES), z.tuple([z.number().nullable(), z.number().nullable()])),
});

export type EvaluationRow = z.infer<typeof evaluationRow>;

/** What becomes of a row by a figure. */
export const ROW_FILTERS = ['all', 'better', 'worse', 'same'] as const;
export type RowFilter = (typeof ROW_FILTERS)[number];

export const REPORT_FORMATS = ['html', 'csv', 'json'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

export const evaluationProgress = z.object({
  phase: z.enum(['reading', 'loss', 'options', 'answers', 'figures']),
  side: z.enum(SIDES),
  done: z.int(),
  total: z.int(),
});

export type EvaluationProgress = z.infer<typeof evaluationProgress>;
