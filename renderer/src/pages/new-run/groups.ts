import type { Preset } from '../../../../main/contracts/ipc.ts';

/** The groups of presets, in the order of the screen. */
export const PRESET_GROUPS = ['rank', 'learning_rate', 'effort'] as const satisfies readonly Preset['group'][];
