import type { WarningCode } from '../contracts/codes.ts';
import type { TrainSettings } from '../contracts/protocol-types.ts';
import { totalSteps, type StepSettings } from './steps.ts';

/** Settings that may be unwise together; names as in native/protocol. */
export interface JudgedSettings extends StepSettings {
  lora_rank: number;
  lora_alpha: number;
  use_rslora: boolean;
  objective: TrainSettings['objective'];
  learning_rate: number;
  warmup_steps: number;
  max_seq_len: number;
  eval_steps: number;
}

export interface JudgedRows {
  rows: number;
  val_rows: number;
  supervised_tokens: number;
  max_tokens: number;
}

/** An unwise choice: nothing stops it. Screens translate it by its code, with the parts in details. */
export interface SettingWarning {
  setting: string;
  code: WarningCode;
  message: string;
  hint: string;
  details: Record<string, number>;
}

/** Learning rates that adapters are trained with, and the usual one: preferences ask for smaller steps. */
const RATES = {
  answers: { too_low: 2e-5, least: 5e-5, usual: 2e-4, most: 1e-3, too_high: 2e-3 },
  preferences: { too_low: 2e-7, least: 5e-6, usual: 2e-5, most: 1e-4, too_high: 1e-4 },
};

/** Trainable parameters for each token to learn, from which on an adapter can learn rows by heart. */
const PARAMETERS_PER_TOKEN = 1000;

/**
 * What of these settings is unwise.
 * @param trainable_parameters of the adapter
 * @param n_ctx_train tokens that the model was made for; 0 when unknown
 * @param rows null before there is a dataset
 */
export function judgeSettings(
  settings: JudgedSettings,
  trainable_parameters: number,
  n_ctx_train: number,
  rows: JudgedRows | null,
): SettingWarning[] {
  const found: SettingWarning[] = [];
  const warn = (
    setting: string,
    code: WarningCode,
    message: string,
    hint: string,
    details: Record<string, number>,
  ): void => void found.push({ setting, code, message, hint, details });
  const { lora_rank, lora_alpha, use_rslora, learning_rate, max_seq_len, warmup_steps, eval_steps } = settings;

  const ratio = lora_alpha / lora_rank;
  if (!use_rslora && (ratio < 0.5 || ratio > 4)) {
    warn(
      'lora_alpha',
      'alpha_far_from_rank',
      `lora_alpha is ${lora_alpha}, ${ratio < 1 ? 'much less' : 'many times more'} than lora_rank (${lora_rank}): it scales the update as the learning rate does.`,
      `Twice the rank, ${2 * lora_rank}, goes with the usual learning rates.`,
      { lora_alpha, lora_rank, suggested: 2 * lora_rank },
    );
  }
  const rates = settings.objective === 'sft' ? RATES.answers : RATES.preferences;
  const range = { least: rates.least, most: rates.most, suggested: rates.usual };
  const usualRates = `Adapters are trained with ${rates.least.toFixed(6).replace(/0+$/, '')} to ${rates.most}${settings.objective === 'sft' ? '' : ` for ${settings.objective}`}.`;
  if (learning_rate > 0 && learning_rate <= rates.too_low) {
    warn(
      'learning_rate',
      'learning_rate_of_full_tuning',
      `A learning rate of ${learning_rate} is one of full fine-tuning: an adapter hardly moves with it.`,
      usualRates,
      { learning_rate, ...range },
    );
  }
  if (learning_rate > rates.too_high) {
    warn(
      'learning_rate',
      'learning_rate_high',
      `A learning rate of ${learning_rate} often makes the loss jump and the model forget.`,
      usualRates,
      { learning_rate, ...range },
    );
  }
  if (n_ctx_train > 0 && max_seq_len > n_ctx_train) {
    warn(
      'max_seq_len',
      'longer_than_context',
      `max_seq_len is ${max_seq_len}, and the model was made for ${n_ctx_train} tokens.`,
      `Lower it to ${n_ctx_train}.`,
      { max_seq_len, n_ctx_train, suggested: n_ctx_train },
    );
  }
  if (rows === null) return found;

  if (
    rows.supervised_tokens > 0 &&
    trainable_parameters / rows.supervised_tokens > PARAMETERS_PER_TOKEN &&
    lora_rank > 4
  ) {
    warn(
      'lora_rank',
      'rank_beyond_data',
      `The adapter has ${trainable_parameters} parameters for ${rows.supervised_tokens} tokens to learn: it can learn them by heart.`,
      'Choose a lower rank, or give more rows.',
      { lora_rank, trainable_parameters, supervised_tokens: rows.supervised_tokens, suggested: 4 },
    );
  }
  if (rows.max_tokens > 0 && max_seq_len > 2 * rows.max_tokens && max_seq_len > 128) {
    const suggested = Math.max(64, Math.ceil(rows.max_tokens / 64) * 64);
    warn(
      'max_seq_len',
      'longer_than_rows',
      `max_seq_len is ${max_seq_len}, and the longest row has ${rows.max_tokens} tokens.`,
      `${suggested} is enough, and less memory is set aside.`,
      { max_seq_len, max_tokens: rows.max_tokens, suggested },
    );
  }
  const steps = totalSteps(settings, rows.rows);
  if (warmup_steps > 0 && warmup_steps >= steps) {
    warn(
      'warmup_steps',
      'warmup_beyond_run',
      `warmup_steps is ${warmup_steps}, and the run has ${steps} steps: the learning rate never comes to its peak.`,
      'A twentieth of the steps is usual.',
      { warmup_steps, total_steps: steps, suggested: Math.max(1, Math.round(steps / 20)) },
    );
  }
  if (rows.rows > 0 && settings.epochs > 10 && settings.max_steps === 0) {
    warn(
      'epochs',
      'many_epochs',
      `The rows are learned ${settings.epochs} times over: after a few times a model mostly learns them by heart.`,
      'One to three passes are usual.',
      { epochs: settings.epochs, suggested: 3 },
    );
  }
  if (steps > 0 && steps < 10) {
    warn(
      'gradient_accumulation_steps',
      'few_steps',
      `The run has only ${steps} steps: too few to learn much.`,
      'Lower gradient_accumulation_steps or micro_batch_size, or raise epochs.',
      { total_steps: steps },
    );
  }
  if (eval_steps > 0 && rows.val_rows === 0) {
    warn(
      'eval_steps',
      'no_validation_rows',
      'There are no rows to validate on.',
      'Give a validation file, or a share of the rows.',
      { eval_steps },
    );
  }
  return found;
}
