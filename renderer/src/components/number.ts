/** The limits of a number that a person enters. */
export interface NumberLimits {
  min?: number | undefined;
  max?: number | undefined;
  /** Only whole numbers. */
  integer?: boolean | undefined;
}

export type NumberProblem = 'not_a_number' | 'not_whole' | 'too_small' | 'too_large';

/**
 * Reads a number as people write it: `0.5`, `0,5`, `2e-4`, `2 000`. A single comma or point is the decimal sign, since settings
 * are too small for grouping to be meant.
 *
 * @returns the number, or null when it is none
 */
export function readNumber(text: string): number | null {
  const plain = text.replaceAll(/[\s\u00a0\u202f_]/g, '').replace(',', '.');
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) return null;
  const value = Number(plain);
  return Number.isFinite(value) ? value : null;
}

/** What is wrong with a number, or null when it can be taken. */
export function numberProblem(value: number | null, { min, max, integer }: NumberLimits): NumberProblem | null {
  if (value === null) return 'not_a_number';
  if (integer === true && !Number.isInteger(value)) return 'not_whole';
  if (min !== undefined && value < min) return 'too_small';
  if (max !== undefined && value > max) return 'too_large';
  return null;
}

/**
 * The next number up or down for the arrow keys: by `step`, or by a tenth of its magnitude where that would be too coarse (a
 * learning rate of 2e-4 goes to 3e-4). Never leaves the limits.
 */
export function stepNumber(
  value: number,
  direction: 1 | -1,
  { min, max, integer }: NumberLimits,
  step?: number,
): number {
  const magnitude = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)) + 1e-9);
  const by = step ?? (integer === true ? 1 : 10 ** Math.min(magnitude, 0));
  // Going down from 1e-4 by 1e-4 would be 0: a tenth then.
  const fine =
    step === undefined && integer !== true && direction < 0 && value > 0 && value - by <= by / 1e6 ? by / 10 : by;
  const next = Number((value + direction * fine).toPrecision(12));
  return Math.min(max ?? Infinity, Math.max(min ?? -Infinity, next));
}
