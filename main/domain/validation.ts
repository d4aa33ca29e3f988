import { totalSteps, type StepSettings } from './steps.ts';

/** Settings that say how often is validated and on how much; names as in native/protocol. */
export interface ValidationSettings extends StepSettings {
  eval_steps: number;
  max_val_rows: number;
}

/** What all validations of a run may cost together, as a share of its training. */
export const VALIDATION_SHARE = 0.2;
/** A row that is scored costs the forward pass alone: a third of a row that is learned. */
export const SCORED_ROW_COST = 1 / 3;
/** Fewer rows say nothing at all; more than the other make the loss no more certain than a person can use. */
export const FEWEST_VAL_ROWS = 16;
export const MOST_VAL_ROWS = 1000;

/** A run that chooses itself validates the more seldom, the more rows it scores: about so often, the time before its first step included. */
const AUTOMATIC_VALIDATIONS = 5;

/** How often a run validates, the time before its first step included. */
export function validationCount(eval_steps: number, total_steps: number): number {
  return eval_steps > 0 ? 1 + Math.max(1, Math.ceil(total_steps / eval_steps)) : AUTOMATIC_VALIDATIONS;
}

/**
 * How many held-out rows are scored at each validation: `max_val_rows`, or where that is 0 as many as keep all validations within
 * a fifth of the training's work, from 16 to 1,000. Never more than there are.
 *
 * @param train_rows rows of the dataset to learn from
 * @param held_out_rows rows of the dataset that are held out
 */
export function scoredRows(settings: ValidationSettings, train_rows: number, held_out_rows: number): number {
  const { max_val_rows, eval_steps, micro_batch_size, gradient_accumulation_steps } = settings;
  if (max_val_rows > 0) return Math.min(max_val_rows, held_out_rows);
  const steps = totalSteps(settings, train_rows);
  // A pass's last step may be smaller: no run learns from more rows than its passes have.
  const learned =
    settings.max_steps > 0
      ? steps * micro_batch_size * gradient_accumulation_steps
      : Math.ceil(settings.epochs * train_rows);
  const affordable = (VALIDATION_SHARE * learned) / SCORED_ROW_COST / validationCount(eval_steps, steps);
  const wanted = Math.min(MOST_VAL_ROWS, Math.max(FEWEST_VAL_ROWS, Math.floor(affordable)));
  return Math.min(wanted, held_out_rows);
}

/** The most that scoredRows can answer, before the rows are counted. */
export function mostScoredRows({ max_val_rows }: Pick<ValidationSettings, 'max_val_rows'>): number {
  return max_val_rows > 0 ? max_val_rows : MOST_VAL_ROWS;
}
