import type { RunSummary } from '../../../../main/contracts/ipc.ts';

export const SORT_KEYS = ['name', 'status', 'model', 'loss', 'steps', 'created'] as const;
export type SortKey = (typeof SORT_KEYS)[number];

/** How many runs can be compared: as many as there are colours. */
export const MOST_COMPARED = 6;

/** The loss that a run is judged by: validation where there was one. */
export function lossOf(run: RunSummary): number | null {
  return run.best_val_loss ?? run.val_loss ?? run.train_loss;
}

/** The runs that have every word of a search in their name, model, dataset, tags or notes. */
export function foundRuns(runs: readonly RunSummary[], search: string, starredOnly: boolean): RunSummary[] {
  const words = plain(search).split(/\s+/).filter(Boolean);
  return runs.filter((run) => {
    if (starredOnly && !run.starred) return false;
    const text = plain(
      [run.name, run.model_name, run.architecture, run.dataset_path, ...run.tags, run.notes].join(' '),
    );
    return words.every((word) => text.includes(word));
  });
}

/** In small letters, without accents. */
function plain(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}

/** The runs in the order of a column; those without a value come last either way. */
export function sortedRuns(runs: readonly RunSummary[], key: SortKey, direction: 'asc' | 'desc'): RunSummary[] {
  const sign = direction === 'asc' ? 1 : -1;
  return [...runs].sort((a, b) => {
    const [left, right] = [sortValue(a, key), sortValue(b, key)];
    if (left === null || right === null) return left === right ? 0 : left === null ? 1 : -1;
    if (typeof left === 'string' || typeof right === 'string') return sign * String(left).localeCompare(String(right));
    return sign * (left - right);
  });
}

function sortValue(run: RunSummary, key: SortKey): string | number | null {
  switch (key) {
    case 'name':
      return run.name;
    case 'status':
      return run.is_interrupted ? 'interrupted' : run.status;
    case 'model':
      return run.model_name ?? run.architecture;
    case 'loss':
      return lossOf(run);
    case 'steps':
      return run.steps;
    case 'created':
      return run.created_ms;
  }
}

/** The tags in a line with commas, each once; null when there are more or longer ones than a run may have. */
export function parsedTags(line: string): string[] | null {
  const tags = [...new Set(line.split(',').map((tag) => tag.trim()))].filter(Boolean);
  return tags.length > 20 || tags.some((tag) => tag.length > 40) ? null : tags;
}
