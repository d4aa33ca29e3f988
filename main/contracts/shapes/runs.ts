/** Runs: made, queued, trained, looked at. */
import { z } from 'zod';
import type { PlanData, TrainSettings } from '../protocol-types.ts';
import { RUN_STATUSES, runSplit } from '../run-file.ts';
import { checkedByProtocol, count, errorReport, path, runId, share, someTrainSettings } from './parts.ts';
import { ROW_FORMATS, TEMPLATES, columnMap, datasetChoices, datasetReport } from './datasets.ts';
import { exportRecord } from './exports.ts';

export const RUN_PHASES = [
  'reading_model',
  'hashing_model',
  'reading_dataset',
  'loading_model',
  'preparing',
  'training',
  'validating',
  'sampling',
  'paused',
  'stopping',
] as const;

export const runSummary = z.object({
  id: runId,
  name: z.string(),
  out_dir: path,
  status: z.enum(RUN_STATUSES),
  /** What the active run does now; null for any other. */
  phase: z.enum(RUN_PHASES).nullable(),
  /** How much of the phase is done, if known. */
  phase_share: share.nullable(),
  is_paused: z.boolean(),
  /** 0 is the next to start; null when it does not wait. */
  queue_position: count.nullable(),
  /** It was training when Forja or the machine went down. */
  is_interrupted: z.boolean(),
  /** runs.continue would go on with it. */
  can_continue: z.boolean(),
  /** It has an adapter to try or to export. */
  has_adapter: z.boolean(),
  /** The state to try and to export: the best one where the last was validated as clearly worse. */
  advised_checkpoint: z.enum(['final', 'best']),
  created_ms: z.number(),
  started_ms: z.number().nullable(),
  ended_ms: z.number().nullable(),
  model_path: path,
  model_name: z.string().nullable(),
  architecture: z.string().nullable(),
  base_type: z.string().nullable(),
  dataset_path: path,
  total_steps: count.nullable(),
  steps: count,
  train_loss: z.number().nullable(),
  val_loss: z.number().nullable(),
  best_val_loss: z.number().nullable(),
  tokens_per_second: z.number().nullable(),
  trainable_parameters: z.number().nullable(),
  peak_memory_bytes: z.number().nullable(),
  /** What estimates.plan said when the run was made, to compare with the peak. */
  estimated_memory_bytes: z.number().nullable(),
  elapsed_ms: z.number().nullable(),
  eta_ms: z.number().nullable(),
  error: errorReport.nullable(),
  tags: z.array(z.string()),
  notes: z.string(),
  starred: z.boolean(),
});

/** Which adapter of a run. */
export const checkpointChoice = z.union([z.enum(['final', 'best', 'last']), count]);

export const runCheckpoint = z.object({
  step: count,
  reason: z.string(),
  path,
  time_ms: z.number(),
  val_loss: z.number().nullable(),
  train_loss: z.number().nullable(),
  size_bytes: z.number(),
});

/** A prompt that the model answers as it learns. */
export const samplePrompt = z.object({
  /** What the model is told first; null: what the run's rows tell it. */
  system: z.string().max(20_000).nullable(),
  prompt: z.string().min(1).max(4000),
  /** The right answer; null where there is none. */
  expected: z.string().max(20_000).nullable(),
});

/** What the model answered to one of them with the adapter of a step; at step 0 it is the base's answer. */
export const runSample = z.object({
  step: count,
  prompt_index: count,
  time_ms: z.number(),
  prompt: z.string(),
  text: z.string(),
});

const loss = z.number();

/** What the losses of a finished run say. */
export const verdict = z.discriminatedUnion('kind', [
  /** The loss on rows that it never saw is lower than the base's, and stayed down. */
  z.object({ kind: z.literal('learned'), from: loss, to: loss }),
  /** It fell, and then rose again: what came after `step` was learned by heart. */
  z.object({ kind: z.literal('memorised'), best: loss, last: loss, step: count }),
  /** It did not fall. */
  z.object({ kind: z.literal('unmoved'), from: loss, to: loss }),
  /** The validation rows have too few tokens to learn: their loss says nothing for sure. */
  z.object({ kind: z.literal('too_few'), tokens: count, least_tokens: count }),
  /** There is only the loss on the rows that were trained on. */
  z.object({ kind: z.literal('unknown'), from: loss, to: loss }),
]);

export const runDetail = runSummary.extend({
  settings: checkedByProtocol<Partial<TrainSettings>>(),
  template: z.enum([...TEMPLATES, 'auto']),
  format: z.enum([...ROW_FORMATS, 'auto']),
  columns: columnMap,
  val_path: path.nullable(),
  val_share: z.number(),
  sample_prompts: z.array(samplePrompt),
  /** What trains the same run again in a terminal. */
  command: z.string(),
  /** Null until the trainer has said it. */
  plan: checkedByProtocol<PlanData>().nullable(),
  /** Which rows are held out; null until the dataset was read. Older runs have no `split` and keep the rows that they have. */
  split: z
    .object({ dataset_sha256: z.string(), val_sha256: z.string().nullable(), split: runSplit.nullable() })
    .nullable(),
  /** Null until the dataset was read. */
  dataset: datasetReport.omit({ available_columns: true, examples: true }).nullable(),
  /** Whole checkpoints on disk, the oldest first. */
  checkpoints: z.array(runCheckpoint),
  samples: z.array(runSample),
  /** Null unless it is completed, and has losses to judge by. */
  verdict: verdict.nullable(),
  exports: z.array(exportRecord),
});

export const runRequest = datasetChoices.extend({
  name: z.string().trim().min(1).max(200),
  model_path: path,
  settings: someTrainSettings,
  /** Prompts that the model answers before the first step, at each validation and at the end. */
  sample_prompts: z.array(samplePrompt).max(8),
  /** What the screen's estimate said, kept to compare with the measured peak. */
  estimated_memory_bytes: z.number().nullable(),
});

/** Figures of an objective by name, each a column beside the steps; null where a step has none. */
const metricColumns = z.record(z.string(), z.array(z.number().nullable()));

/** Columns of equal length, thinned to at most `max_points`; each kept point is of a real step. */
export const metricSeries = z.object({
  step: z.array(count),
  time_ms: z.array(z.number()),
  epoch: z.array(z.number()),
  train_loss: z.array(z.number()),
  learning_rate: z.array(z.number()),
  grad_norm: z.array(z.number()),
  tokens_per_second: z.array(z.number()),
  metrics: metricColumns,
});

export const validationSeries = z.object({
  step: z.array(count),
  val_loss: z.array(z.number()),
  metrics: metricColumns,
});

export const logEntry = z.object({
  /** Counts up within a run. */
  seq: count,
  time_ms: z.number(),
  level: z.enum(['info', 'warning', 'error']),
  /** A notice's code; null for a line of the trainer's own log. */
  code: z.string().nullable(),
  text: z.string(),
  details: z.record(z.string(), z.unknown()),
});

export const queueState = z.object({
  active_run_id: runId.nullable(),
  /** The next first. */
  waiting_run_ids: z.array(runId),
});

export type NewRunRequest = z.output<typeof runRequest>;
export type RunSummary = z.output<typeof runSummary>;
export type RunDetail = z.output<typeof runDetail>;
export type RunPhase = (typeof RUN_PHASES)[number];
export type RunCheckpoint = z.output<typeof runCheckpoint>;
export type RunSample = z.output<typeof runSample>;
export type SamplePrompt = z.output<typeof samplePrompt>;
export type RunVerdict = z.output<typeof verdict>;
export type CheckpointChoice = z.output<typeof checkpointChoice>;
export type MetricSeries = z.output<typeof metricSeries>;
export type ValidationSeries = z.output<typeof validationSeries>;
export type LogEntry = z.output<typeof logEntry>;
export type QueueState = z.output<typeof queueState>;
