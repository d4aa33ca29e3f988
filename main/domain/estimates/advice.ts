import { estimateMemory, type MemorySettings, type RowLengths, type TrainedModel } from './memory.ts';

/** One setting to lower, how far, and what the whole run then needs. */
export interface Advice {
  setting: 'micro_batch_size' | 'activation_budget_bytes' | 'max_seq_len' | 'lora_rank';
  from: number;
  to: number;
  total_bytes: number;
  fits: boolean;
}

/** Values that a setting is lowered to, best first; in this order of what is given up: nothing learned, then some. */
const STEPS: [Advice['setting'], (now: number) => number[]][] = [
  ['micro_batch_size', (now) => halves(now, 1)],
  ['activation_budget_bytes', (now) => (now === 0 ? [] : [0])],
  ['max_seq_len', (now) => halves(now, 64)],
  ['lora_rank', (now) => halves(now, 4)],
];

/**
 * What to lower so that a run fits into `available_bytes`. Those that are enough alone come first; a setting that is not is
 * told at its lowest, when that helps by at least a fiftieth.
 */
export function adviseMemory(
  model: TrainedModel,
  settings: MemorySettings,
  rows: RowLengths | null,
  available_bytes: number,
): Advice[] {
  const now = estimateMemory(model, settings, rows).total_bytes;
  if (now <= available_bytes) return [];
  const found: Advice[] = [];
  for (const [setting, values] of STEPS) {
    let best: Advice | null = null;
    for (const to of values(settings[setting])) {
      const { total_bytes } = estimateMemory(model, { ...settings, [setting]: to }, rows);
      best = { setting, from: settings[setting], to, total_bytes, fits: total_bytes <= available_bytes };
      if (best.fits) break;
    }
    if (best !== null && best.total_bytes < now * 0.98) found.push(best);
  }
  return [...found.filter(({ fits }) => fits), ...found.filter(({ fits }) => !fits)];
}

function halves(from: number, lowest: number): number[] {
  const values: number[] = [];
  for (let value = Math.floor(from / 2); value >= lowest; value = Math.floor(value / 2)) values.push(value);
  return values;
}
