import type { Preset, SettingInfo } from '../../../../main/contracts/ipc.ts';

/** The groups of presets, in the order of the screen. */
export const PRESET_GROUPS = ['rank', 'learning_rate', 'effort'] as const satisfies readonly Preset['group'][];

/** The sections of settings, in the order of the screen. */
export const SETTING_SECTIONS = [
  'adapter',
  'learning',
  'batches',
  'keeping',
  'machine',
] as const satisfies readonly SettingInfo['section'][];
