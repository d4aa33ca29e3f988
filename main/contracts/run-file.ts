import { z } from 'zod';
import { storedSettings } from './protocol.ts';
import { columnMap, ROW_FORMATS, TEMPLATES } from './shapes/datasets.ts';

/** The version of run.json: raised when an older Forja could no longer read it. */
export const RUN_FILE_VERSION = 2;

export const RUN_STATUSES = ['queued', 'preparing', 'training', 'stopped', 'completed', 'failed'] as const;

const fileRef = z.object({ path: z.string(), sha256: z.string() });

const trainResult = z.object({
  status: z.enum(['completed', 'stopped']),
  steps: z.int(),
  train_loss: z.number().nullable(),
  val_loss: z.number().nullable(),
  best_val_loss: z.number().nullable(),
  trainable_parameters: z.int(),
  peak_memory_bytes: z.int(),
  tokens_per_second: z.number(),
  duration_ms: z.int(),
});

/** Which rows a run holds out, and how many of the dataset's rows it gets; see SplitAudit in main/datasets/types.ts. */
export const runSplit = z.object({
  split_seed: z.int(),
  val_share: z.number(),
  held_out_rows: z.int(),
  scored_rows: z.int(),
  train_rows: z.int(),
  sampled_rows: z.int().nullable(),
});

/**
 * run.json: all that is needed to go on with a run, to export it and to list it, with no database. Paths of model and dataset
 * are absolute; those of the run's own files are relative to its folder, so that the folder may be moved.
 */
export const runFileSchema = z.object({
  /** 1 had settings of any name and no objective; it is read as 2. */
  forja_run: z.literal([1, RUN_FILE_VERSION]).transform(() => RUN_FILE_VERSION),
  id: z.string().min(1),
  name: z.string(),
  created_ms: z.int(),
  status: z.enum(RUN_STATUSES),
  model: fileRef.extend({
    file_size_bytes: z.int(),
    modified_ms: z.int(),
    architecture: z.string(),
    base_type: z.string(),
    name: z.string().nullable(),
    n_params: z.int(),
  }),
  dataset: fileRef.extend({
    size_bytes: z.int(),
    format: z.enum(ROW_FORMATS),
    columns: columnMap,
    rows_read: z.int(),
    rows_used: z.int(),
  }),
  val_dataset: fileRef
    .extend({ size_bytes: z.int(), format: z.enum(ROW_FORMATS), rows_read: z.int(), rows_used: z.int() })
    .nullable(),
  /** The prompt template that the rows were written with, for chat and exports to use again. */
  template: z.enum(TEMPLATES),
  train_tokens: z.string(),
  val_tokens: z.string().nullable(),
  /** Which rows are held out; runs of before this was noted have none, and keep the rows that their token files have. */
  split: runSplit.optional(),
  /** The settings of the train job by native/protocol, those that are younger than the run filled in, without paths. */
  settings: z.record(z.string(), z.unknown()).transform((stored, context) => {
    try {
      return storedSettings(stored);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  }),
  total_steps: z.int().nullable(),
  steps: z.int(),
  result: trainResult.nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});

export type RunFile = z.infer<typeof runFileSchema>;
