import { SAMPLE_SETTINGS } from './sample-settings.ts';

/** A choice that stands for some settings. Its name on the screen comes from the translations, by its id. */
export interface SettingPreset {
  id: string;
  group: 'rank' | 'learning_rate' | 'effort' | 'sample';
  values: Record<string, number | string>;
  is_default: boolean;
}

/** The presets, in the order in which a screen shows them. lora_alpha is twice the rank throughout. */
export const PRESETS: readonly SettingPreset[] = [
  { id: 'rank_tiny', group: 'rank', values: { lora_rank: 4, lora_alpha: 8 }, is_default: false },
  { id: 'rank_small', group: 'rank', values: { lora_rank: 8, lora_alpha: 16 }, is_default: false },
  { id: 'rank_medium', group: 'rank', values: { lora_rank: 16, lora_alpha: 32 }, is_default: true },
  { id: 'rank_large', group: 'rank', values: { lora_rank: 64, lora_alpha: 128 }, is_default: false },
  { id: 'rate_conservative', group: 'learning_rate', values: { learning_rate: 5e-5 }, is_default: false },
  { id: 'rate_standard', group: 'learning_rate', values: { learning_rate: 2e-4 }, is_default: true },
  { id: 'rate_aggressive', group: 'learning_rate', values: { learning_rate: 1e-3 }, is_default: false },
  // A quick try ends after a few minutes whatever the dataset; the others see all of it.
  { id: 'effort_quick', group: 'effort', values: { epochs: 1, max_steps: 60 }, is_default: false },
  { id: 'effort_balanced', group: 'effort', values: { epochs: 1, max_steps: 0 }, is_default: true },
  { id: 'effort_thorough', group: 'effort', values: { epochs: 3, max_steps: 0 }, is_default: false },
  // Not offered by name: the sample comes with it.
  { id: 'sample', group: 'sample', values: SAMPLE_SETTINGS, is_default: false },
];
