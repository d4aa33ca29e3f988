import type { RunDetail } from '../../../../main/contracts/ipc.ts';

/** A setting of several runs, in their order. */
export interface ComparedSetting {
  name: string;
  values: readonly unknown[];
  differs: boolean;
}

/** The settings of several runs side by side; `undefined` where a run does not have one. */
export function comparedSettings(all: readonly object[]): ComparedSetting[] {
  const names = [...new Set(all.flatMap((settings) => Object.keys(settings)))];
  return names.map((name) => {
    const values = all.map((settings) => (settings as Record<string, unknown>)[name]);
    const [first, ...others] = values.map((value) => JSON.stringify(value));
    return { name, values, differs: others.some((value) => value !== first) };
  });
}

export interface Curve {
  step: readonly number[];
  value: readonly (number | null)[];
}

/** Curves over each other: the steps of all, then a column for each, null where it has no value at a step. */
export function alignedCurves(curves: readonly Curve[]): [number[], ...(number | null)[][]] {
  const steps = [...new Set(curves.flatMap(({ step }) => step))].sort((a, b) => a - b);
  const columns = curves.map(({ step, value }) => {
    const at = new Map(step.map((one, index) => [one, value[index] ?? null]));
    return steps.map((one) => at.get(one) ?? null);
  });
  return [steps, ...columns];
}

/** Where the best of some values stand; none when there are fewer than two to choose from. */
export function bestPlaces(values: readonly (number | null)[], better: 'lower' | 'higher'): ReadonlySet<number> {
  const known = values.filter((value): value is number => value !== null);
  if (known.length < 2) return new Set();
  const best = better === 'lower' ? Math.min(...known) : Math.max(...known);
  if (known.every((value) => value === best)) return new Set();
  return new Set(values.flatMap((value, place) => (value === best ? [place] : [])));
}

/**
 * How the held-out rows of several runs are to each other: the `same`; the `same_set`, of which some score fewer than others, as the
 * first of one order; `other` rows; or `unknown`, as a run is from before the split was noted.
 */
export type ComparedHeldOut = 'same' | 'same_set' | 'other' | 'unknown';

/** Compares held-out rows; runs that validate on nothing are left out. */
export function comparedHeldOut(all: readonly RunDetail['split'][]): ComparedHeldOut {
  const scored = all.filter((one) => one !== null && one.split?.scored_rows !== 0) as NonNullable<RunDetail['split']>[];
  if (scored.length < 2) return 'same';
  if (scored.some(({ split }) => split === null)) return 'unknown';
  const keys = scored.map(({ dataset_sha256, val_sha256, split }) =>
    val_sha256 === null ? [dataset_sha256, split!.split_seed, split!.val_share].join() : val_sha256,
  );
  if (new Set(keys).size > 1) return 'other';
  const parts = new Set(scored.map(({ split }) => [split!.scored_rows, split!.split_seed].join()));
  return parts.size > 1 ? 'same_set' : 'same';
}
