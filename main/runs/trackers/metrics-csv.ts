import type { StepData, ValidationData } from '../../contracts/protocol-types.ts';

const STEP_COLUMNS = [
  'epoch',
  'train_loss',
  'learning_rate',
  'grad_norm',
  'tokens_per_second',
  'tokens',
  'supervised_tokens',
  'elapsed_ms',
  'peak_memory_bytes',
] as const;
const VALIDATION_COLUMNS = ['val_loss', 'perplexity'] as const;

type Step = Pick<StepData, (typeof STEP_COLUMNS)[number]>;
type Validation = Pick<ValidationData, (typeof VALIDATION_COLUMNS)[number]>;

/** The first line of metrics.csv. Names and units are those of the trainer's events. */
export const CSV_HEADER = `${['step', 'time_ms', ...STEP_COLUMNS, ...VALIDATION_COLUMNS].join(',')}\n`;

/** A line of metrics.csv: a step, or a validation, which has a line of its own behind its step's. */
export function csvLine(step: number, time_ms: number, data: { step?: Step; validation?: Validation }): string {
  const { step: trained, validation } = data;
  const values = [
    ...STEP_COLUMNS.map((name) => trained?.[name] ?? ''),
    ...VALIDATION_COLUMNS.map((name) => validation?.[name] ?? ''),
  ];
  return `${[step, time_ms, ...values].join(',')}\n`;
}
