import type { TrainSettings } from '../../contracts/protocol-types.ts';
import { sequencesOf } from './memory.ts';
import { stepsPerEpoch, totalSteps } from '../steps.ts';
import { SCORED_ROW_COST, scoredRows, validationCount, type ValidationSettings } from '../validation.ts';

/** Settings that say how long a run takes; names as in native/protocol. */
export interface TimeSettings extends ValidationSettings {
  max_seq_len: number;
  objective: TrainSettings['objective'];
}

/** Rows of the dataset: to train on, and held out. */
export interface TimedRows {
  rows: number;
  val_rows: number;
  tokens: number;
}

export interface TimeEstimate {
  total_steps: number;
  steps_per_epoch: number;
  /** Rows that the run sees at least once; fewer than the dataset's where max_steps ends it before a first pass is over. */
  seen_rows: number;
  /** How many held-out rows each validation scores. */
  scored_rows: number;
  tokens_per_second: number;
  duration_ms: number;
}

/**
 * What one core gets done in training, in operations a second, by what its processor can do; measured with SmolLM2 for the first,
 * cautious for the others. Only a start: what a run here got done replaces it.
 */
const CORE_FLOPS = [
  [/AVX512_BF16/, 140e9],
  [/AVX512/, 80e9],
  [/AVX2|NEON/, 45e9],
] as const;
const BASELINE_CORE_FLOPS = 12e9;
const GPU_FLOPS = 3e12;

/** Forward, the way back through frozen weights, and the blocks that are computed twice: operations a parameter and token. */
const FLOPS_PER_PARAMETER = 5;

/**
 * The work of a trained token beside that of sft's: the head runs once more; dpo computes each row's reference once; kto besides
 * goes forward over other prompts' answers, with and without the adapter.
 */
const WORK: Record<TrainSettings['objective'], number> = { sft: 1, dpo: 1.35, orpo: 1.05, kto: 2 };

/** Reading model and dataset before the first step. */
const START_MS = 3000;

/**
 * A guess for a model that was never trained on a device, where no other was either.
 * @param threads CPU threads; null for a GPU
 * @param cpu_features as the trainer tells them
 */
export function guessTokensPerSecond(n_params: number, threads: number | null, cpu_features: string): number {
  const perCore = CORE_FLOPS.find(([known]) => known.test(cpu_features))?.[1] ?? BASELINE_CORE_FLOPS;
  const flops = threads === null ? GPU_FLOPS : perCore * Math.max(1, threads);
  return flops / (FLOPS_PER_PARAMETER * n_params);
}

/** What a run of any model got done on a device. */
export interface PastSpeed {
  tokens_per_second: number;
  n_params: number;
  /** CPU threads; null for a GPU. */
  threads: number | null;
}

/** Of models much smaller or larger, what is not proportional to the parameters has too much weight. */
const ALIKE_FACTOR = 30;
const isAlike = (a: number, b: number) => a < ALIKE_FACTOR * b && b < ALIKE_FACTOR * a;

/**
 * The speed to expect of a model from what others got done on the same device: the work of a token grows with the parameters,
 * and threads share it. Null where nothing was trained. The median, so that one run beside other work says little.
 */
export function learnTokensPerSecond(
  n_params: number,
  threads: number | null,
  past: readonly PastSpeed[],
): number | null {
  const speeds = past
    .filter((one) => (one.threads === null) === (threads === null) && isAlike(one.n_params, n_params))
    .map((one) => (one.tokens_per_second * one.n_params * (threads ?? 1)) / (n_params * (one.threads ?? 1)))
    .sort((a, b) => a - b);
  return speeds[Math.floor(speeds.length / 2)] ?? null;
}

/**
 * How long a run takes: every step's tokens at this speed, and the validations, which only go forward.
 * @param tokens_per_second of training
 */
export function estimateTime(settings: TimeSettings, rows: TimedRows, tokens_per_second: number): TimeEstimate {
  const total_steps = totalSteps(settings, rows.rows);
  const perRow =
    rows.rows === 0 ? 0 : Math.min(sequencesOf(settings.objective) * settings.max_seq_len, rows.tokens / rows.rows);
  const rowsPerEpoch = rows.rows;
  const steps_per_epoch = stepsPerEpoch(settings, rows.rows);
  const trained = steps_per_epoch === 0 ? 0 : (total_steps / steps_per_epoch) * rowsPerEpoch * perRow;
  const seen_rows = Math.min(rows.rows, total_steps * settings.micro_batch_size * settings.gradient_accumulation_steps);
  const scored_rows = scoredRows(settings, rows.rows, rows.val_rows);
  const validated = validationCount(settings.eval_steps, total_steps) * scored_rows * perRow * SCORED_ROW_COST;
  const duration_ms = Math.round(
    START_MS + (1000 * (WORK[settings.objective] * trained + validated)) / tokens_per_second,
  );
  return { total_steps, steps_per_epoch, seen_rows, scored_rows, tokens_per_second, duration_ms };
}
