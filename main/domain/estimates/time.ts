import { stepsPerEpoch, totalSteps, type StepSettings } from '../steps.ts';

/** Settings that say how long a run takes; names as in native/protocol. */
export interface TimeSettings extends StepSettings {
  max_seq_len: number;
  eval_steps: number;
}

export interface TimedRows {
  rows: number;
  val_rows: number;
  tokens: number;
}

export interface TimeEstimate {
  total_steps: number;
  steps_per_epoch: number;
  tokens_per_second: number;
  duration_ms: number;
}

/**
 * What one core of an ordinary processor gets done in training, in operations a second, and what a GPU does; both cautious.
 * Only a start: the first run of a model on a device replaces it.
 */
const CORE_FLOPS = 45e9;
const GPU_FLOPS = 3e12;

/** Forward, the way back through frozen weights, and the blocks that are computed twice: operations a parameter and token. */
const FLOPS_PER_PARAMETER = 5;

/** Reading model and dataset before the first step. */
const START_MS = 3000;

/** A guess for a model that was never trained on a device. @param threads CPU threads; null for a GPU */
export function guessTokensPerSecond(n_params: number, threads: number | null): number {
  const flops = threads === null ? GPU_FLOPS : CORE_FLOPS * Math.max(1, threads);
  return flops / (FLOPS_PER_PARAMETER * n_params);
}

/**
 * How long a run takes: every step's tokens at this speed, and the validations, which only go forward.
 * @param tokens_per_second of training
 */
export function estimateTime(settings: TimeSettings, rows: TimedRows, tokens_per_second: number): TimeEstimate {
  const total_steps = totalSteps(settings, rows.rows);
  const perRow = rows.rows === 0 ? 0 : Math.min(settings.max_seq_len, rows.tokens / rows.rows);
  const rowsPerEpoch = rows.rows;
  const steps_per_epoch = stepsPerEpoch(settings, rows.rows);
  const trained = steps_per_epoch === 0 ? 0 : (total_steps / steps_per_epoch) * rowsPerEpoch * perRow;
  const validations =
    rows.val_rows === 0 ? 0 : settings.eval_steps > 0 ? Math.ceil(total_steps / settings.eval_steps) : 1;
  const validated = (validations * rows.val_rows * perRow) / 3;
  const duration_ms = Math.round(START_MS + (1000 * (trained + validated)) / tokens_per_second);
  return { total_steps, steps_per_epoch, tokens_per_second, duration_ms };
}
