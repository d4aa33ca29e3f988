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
