import { describe, expect, it } from 'vitest';
import type { RunSummary } from '../../../../main/contracts/ipc.ts';
import { alignedCurves, bestPlaces, comparedHeldOut, comparedSettings } from './compare.ts';
import { foundRuns, parsedTags, sortedRuns } from './list.ts';

function run(change: Partial<RunSummary>): RunSummary {
  return {
    id: 'r',
    name: 'Run',
    model_name: null,
    architecture: 'llama',
    dataset_path: '/data/rows.jsonl',
    status: 'completed',
    is_interrupted: false,
    steps: 1,
    created_ms: 0,
    train_loss: null,
    val_loss: null,
    best_val_loss: null,
    tags: [],
    notes: '',
    starred: false,
    ...change,
  } as RunSummary;
}

describe('comparedSettings', () => {
  it('marks what differs, lists and missing ones included', () => {
    const rows = comparedSettings([
      { lora_rank: 8, seed: 1, target_modules: ['q', 'v'] },
      { lora_rank: 16, seed: 1, target_modules: ['q', 'v'], epochs: 2 },
    ]);
    expect(rows.filter(({ differs }) => differs).map(({ name }) => name)).toEqual(['lora_rank', 'epochs']);
    expect(rows.at(-1)!.values).toEqual([undefined, 2]);
  });
});

describe('alignedCurves', () => {
  it('puts curves of different steps over each other', () => {
    const columns = alignedCurves([
      { step: [1, 3], value: [5, 4] },
      { step: [2, 3], value: [7, 6] },
    ]);
    expect(columns).toEqual([
      [1, 2, 3],
      [5, null, 4],
      [null, 7, 6],
    ]);
  });
});

describe('bestPlaces', () => {
  it('finds the best, and none where there is no choice', () => {
    expect([...bestPlaces([3, null, 1], 'lower')]).toEqual([2]);
    expect([...bestPlaces([3, 4], 'higher')]).toEqual([1]);
    expect(bestPlaces([1, null], 'lower').size).toBe(0);
    expect(bestPlaces([2, 2], 'lower').size).toBe(0);
  });
});

describe('foundRuns', () => {
  const all = [run({ id: 'a', name: 'Médica', tags: ['es'] }), run({ id: 'b', name: 'Legal', starred: true })];
  it('looks for every word, without accents, in names and tags', () => {
    expect(foundRuns(all, 'medica ES', false).map(({ id }) => id)).toEqual(['a']);
    expect(foundRuns(all, '', true).map(({ id }) => id)).toEqual(['b']);
    expect(foundRuns(all, 'nothing', false)).toEqual([]);
  });
});

describe('sortedRuns', () => {
  it('leaves runs without a value at the end either way', () => {
    const all = [run({ id: 'a' }), run({ id: 'b', val_loss: 2 }), run({ id: 'c', train_loss: 1 })];
    expect(sortedRuns(all, 'loss', 'asc').map(({ id }) => id)).toEqual(['c', 'b', 'a']);
    expect(sortedRuns(all, 'loss', 'desc').map(({ id }) => id)).toEqual(['b', 'c', 'a']);
  });
});

describe('parsedTags', () => {
  it('takes each tag once and refuses what is too long', () => {
    expect(parsedTags(' a, b,,a ')).toEqual(['a', 'b']);
    expect(parsedTags('x'.repeat(41))).toBeNull();
  });
});

describe('comparedHeldOut', () => {
  const split = {
    split_seed: 1,
    val_share: 0.1,
    held_out_rows: 50,
    scored_rows: 20,
    train_rows: 450,
    sampled_rows: null,
  };
  const one = { dataset_sha256: 'd', val_sha256: null, split };
  const withSplit = (change: Partial<typeof split>) => ({ ...one, split: { ...split, ...change } });

  it('is the same for one dataset, seed and share, whatever runs without validation do', () => {
    expect(comparedHeldOut([one, one, withSplit({ scored_rows: 0, split_seed: 9 }), null])).toBe('same');
    const file = { ...one, val_sha256: 'v' };
    expect(comparedHeldOut([file, { ...file, dataset_sha256: 'e' }])).toBe('same');
  });

  it('is a smaller part of the same set where fewer rows are scored', () => {
    expect(comparedHeldOut([one, withSplit({ scored_rows: 5 })])).toBe('same_set');
  });

  it('is other rows with another seed, share, dataset or file', () => {
    for (const other of [
      withSplit({ split_seed: 2 }),
      withSplit({ val_share: 0.2 }),
      { ...one, dataset_sha256: 'e' },
      { ...one, val_sha256: 'v' },
    ])
      expect(comparedHeldOut([one, other])).toBe('other');
  });

  it('is unknown where a run did not note it', () => {
    expect(comparedHeldOut([one, { ...one, split: null }])).toBe('unknown');
  });
});
