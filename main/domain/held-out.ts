/** What says which rows a run holds out; of runs from before this was noted only the files are known. */
export interface HeldOut {
  dataset_sha256: string;
  /** The file of validation rows; null where they are a share of the dataset, or none. */
  val_sha256: string | null;
  split: { split_seed: number; val_share: number; scored_rows: number } | null;
}

/** How rows are split for a run: a share of the dataset by a seed, or a file of validation rows. */
export interface SplitChoice {
  split_seed: number;
  val_share: number;
  val_path: string | null;
}

/** A run that another one goes on from, with its validation file as it lies there now. */
export interface EarlierSplit extends HeldOut {
  val_path: string | null;
}

/**
 * The split of a run that starts from what an earlier one learned: with the same dataset it is the earlier run's, so that no row
 * that was held out is ever trained on. With another dataset, or from a run whose split isn't known, it is what was asked for.
 */
export function keptSplit(earlier: EarlierSplit, dataset_sha256: string, asked: SplitChoice): SplitChoice {
  if (earlier.split === null || earlier.dataset_sha256 !== dataset_sha256) return asked;
  const { split_seed, val_share } = earlier.split;
  if (earlier.val_sha256 !== null) return { split_seed, val_share: 0, val_path: earlier.val_path };
  // An earlier run that held out nothing leaves nothing to keep.
  return val_share > 0 ? { split_seed, val_share, val_path: null } : asked;
}

/** Whether two choices hold out the same rows of one dataset. */
export function isSameSplit(a: SplitChoice, b: SplitChoice): boolean {
  if (a.val_path !== null || b.val_path !== null) return a.val_path === b.val_path;
  return a.val_share === b.val_share && (a.val_share === 0 || a.split_seed === b.split_seed);
}
