/** Datasets: what of a file is read and how, what was found in it, rows as the model will see them. */
import { z } from 'zod';
import { FIELD_QUESTIONS } from '../refusals.ts';
import { count, notice, path } from './parts.ts';

export const ROW_FORMATS = [
  'alpaca',
  'messages',
  'sharegpt',
  'prompt_completion',
  'text',
  'preference',
  'labelled',
] as const;
export const COLUMN_PARTS = [
  'instruction',
  'input',
  'output',
  'system',
  'prompt',
  'completion',
  'messages',
  'conversations',
  'text',
  'chosen',
  'rejected',
  'label',
] as const;
/** What an answer of preference data is. */
export const ROW_PARTS = ['chosen', 'rejected', 'desirable', 'undesirable'] as const;
export const TEMPLATES = ['model', 'alpaca', 'alpaca-short', 'plain'] as const;

/** What is to be learned, where that decides how rows are read; without it, rows of any kind are read, pairs included. */
export const objectiveChoice = z.enum(['sft', 'dpo', 'orpo', 'kto']).optional();

export const columnMap = z.partialRecord(z.enum(COLUMN_PARTS), z.string().max(500));

/** What of a dataset file is read and how. */
export const datasetChoices = z.object({
  data_path: path,
  val_path: path.nullable(),
  /** Share of the rows to validate on where there is no val_path. */
  val_share: z.number().min(0).max(0.5),
  format: z.enum([...ROW_FORMATS, 'auto']),
  columns: columnMap,
  template: z.enum([...TEMPLATES, 'auto']),
});

/** Why a row is left out. */
export const refusal = z.object({
  code: z.string(),
  message: z.string(),
  /** The message's variable parts; audits of older runs have none. */
  details: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
});

/** Where in a JSON file the rows are. */
export const fileShape = z.object({
  kind: z.enum(['list', 'objects', 'entries', 'columns', 'named']),
  /** The list that was read, of a file with more in it, and what was not. */
  list: z.string().optional(),
  not_read: z.array(z.string()).optional(),
  other_lists: z.array(z.object({ name: z.string(), rows: count })).optional(),
  validation: z.string().optional(),
});

export const fileAudit = z.object({
  path,
  kind: z.enum(['jsonl', 'json', 'csv', 'txt']),
  shape: fileShape.optional(),
  format: z.enum(ROW_FORMATS),
  format_reason: z.string(),
  columns: columnMap,
  size_bytes: z.number(),
  rows_read: count,
  rows_used: count,
  rows_sampled_from: count.nullish(),
  rows_refused: count,
  refused_by_code: z.partialRecord(z.string(), count),
  /** The first refused rows; `line` is 1-based. */
  refused_examples: z.array(refusal.extend({ line: count })),
  duplicate_rows: count,
  duplicate_examples: z.array(z.object({ line: count })),
  /** Columns, and fields of turns, that hold something and are not used; `question` is set where that looks like it matters. */
  unused_fields: z
    .array(z.object({ field: z.string(), rows: count, question: z.enum(FIELD_QUESTIONS).nullable() }))
    .optional(),
  rows_with_dropped_turns: count.optional(),
  dropped_turns_line: count.nullish(),
});

export const tokenCounts = z.object({
  rows: count,
  tokens: count,
  supervised_tokens: count,
  median_tokens: z.number(),
  p95_tokens: z.number(),
  max_tokens: z.number(),
  truncated_rows: count,
  empty_rows: count,
  /** Tokens beyond max_seq_len, and those of them that would be learned. */
  lost_tokens: count,
  lost_supervised_tokens: count,
  /** Rows of plain text that became several, and tokens that stand in two of these. */
  windowed_rows: count,
  repeated_tokens: count,
  /** Pairs whose answers are the same within max_seq_len; audits of older runs have none. */
  alike_pairs: count.optional(),
  /** Pairs of upper bound (tokens, inclusive) and rows. */
  length_histogram: z.array(z.tuple([z.number(), z.number()])),
});

/** Which rows are held out, and how many of the dataset's rows a run gets; see SplitAudit in main/datasets/types.ts. */
export const splitAudit = z.object({
  source: z.enum(['share', 'file', 'none']),
  split_seed: count,
  val_share: z.number(),
  held_out_rows: count,
  scored_rows: count,
  train_rows: count,
  sampled_rows: count.nullable(),
});

/** A question of a row as one would ask it in a chat, with the answer that the row has. */
export const example = z.object({ system: z.string(), prompt: z.string(), answer: z.string() });

export const datasetReport = z.object({
  data: fileAudit,
  val_data: fileAudit.nullable(),
  /** Names of the first rows' columns, to map. */
  available_columns: z.array(z.string()),
  template: z.enum(TEMPLATES),
  template_reason: z.string(),
  train: tokenCounts,
  val: tokenCounts.nullable(),
  /** Audits of older runs have none. */
  split: splitAudit.optional(),
  /** What a few rows ask and answer: of those to validate on where there are any. Plain text has none. */
  examples: z.array(example),
  warnings: z.array(notice),
});

export const previewRow = z.object({
  line: count,
  /** Null for a refused row. */
  tokens: count.nullable(),
  /** Rows that it becomes: long plain text becomes several. */
  windows: count,
  /** Which answer it has, where a row of the file has two or says what is thought of it; null elsewhere. */
  part: z.enum(ROW_PARTS).nullable(),
  segments: z.array(
    z.object({
      text: z.string(),
      /** The model learns to write it. */
      supervised: z.boolean(),
      /** It lies beyond max_seq_len. */
      cut: z.boolean(),
    }),
  ),
  refusal: refusal.nullable(),
});

export type DatasetChoices = z.output<typeof datasetChoices>;
export type DatasetReport = z.output<typeof datasetReport>;
export type PreviewRow = z.output<typeof previewRow>;
