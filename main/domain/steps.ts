/** Settings that say how many optimiser steps a run has. */
export interface StepSettings {
  micro_batch_size: number;
  gradient_accumulation_steps: number;
  epochs: number;
  max_steps: number;
}

/**
 * Optimiser steps of one pass over the rows. The last step of a pass may be smaller: no row is left out.
 * @param rows rows with something to learn
 */
export function stepsPerEpoch(settings: StepSettings, rows: number): number {
  const microSteps = Math.ceil(rows / settings.micro_batch_size);
  return Math.ceil(microSteps / settings.gradient_accumulation_steps);
}

/** Optimiser steps of a whole run: `max_steps` when above 0, else as `epochs` say, rounded up. */
export function totalSteps(settings: StepSettings, rows: number): number {
  if (settings.max_steps > 0) return settings.max_steps;
  return Math.ceil(settings.epochs * stepsPerEpoch(settings, rows));
}

/** How often a run writes checkpoints, and validates, where the person leaves it to Forja; as native/src/train/intervals.cpp. */
const TIMES_A_RUN = 10;
const LEAST_STEPS = 5;

/** Steps between two checkpoints of a run that chooses itself; between two validations at least so many. */
export function automaticCheckpointSteps(total_steps: number): number {
  return Math.max(LEAST_STEPS, Math.ceil(total_steps / TIMES_A_RUN));
}
