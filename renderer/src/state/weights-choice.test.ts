import { describe, expect, it } from 'vitest';
import type { RecentModel, RunSummary } from '../../../main/contracts/ipc.ts';
import { adapterOfRun, baseOptions, choiceOfRun, voicesOf, withBase } from './weights-choice.ts';

const run = (id: string, model_path: string, model_name: string | null = 'SmolLM2') =>
  ({ id, model_path, model_name, base_type: 'q8_0', advised_checkpoint: 'final' }) as RunSummary;
const usable = [run('new', '/a.gguf'), run('old', '/a.gguf'), run('other', '/b.gguf', null)];
const file = { kind: 'file', path: '/x.gguf', scale: 1 } as const;

describe('the weights that answer', () => {
  it('are a base and what was trained on it', () => {
    const choice = choiceOfRun(usable[0]!);
    expect(voicesOf(choice)).toEqual({
      base: { model_path: '/a.gguf', adapters: [] },
      tuned: { model_path: '/a.gguf', adapters: [adapterOfRun(usable[0]!)] },
    });
  });

  it('are in the state that the run’s verdict advises', () => {
    const memorised = { ...usable[0]!, advised_checkpoint: 'best' } as RunSummary;
    expect(choiceOfRun(memorised).adapters).toEqual([{ kind: 'run', run_id: 'new', checkpoint: 'best', scale: 1 }]);
  });

  it('may be a whole model beside the base, or the base alone', () => {
    const choice = choiceOfRun(usable[0]!);
    expect(voicesOf({ ...choice, whole_path: '/merged.gguf' }).tuned).toEqual({
      model_path: '/merged.gguf',
      adapters: [],
    });
    expect(voicesOf({ ...choice, adapters: [] }).tuned).toBeNull();
  });

  it('with another base take the newest run on it; what was trained on the old one goes', () => {
    const choice = { ...choiceOfRun(usable[0]!), adapters: [adapterOfRun(usable[0]!), file] };
    expect(withBase(choice, '/b.gguf', usable).adapters).toEqual([adapterOfRun(usable[2]!)]);
    expect(withBase(choice, '/c.gguf', usable).adapters).toEqual([]);
  });

  it('offer each base once, those of runs first, and the chosen one always', () => {
    const recent = [
      { path: '/a.gguf', name: 'SmolLM2', base_type: 'q8_0', exists: true },
      { path: '/r.gguf', name: 'Gemma', base_type: 'q4_k_m', exists: true },
      { path: '/gone.gguf', name: 'Gone', base_type: 'f16', exists: false },
    ] as RecentModel[];
    expect(baseOptions(usable, recent, '/models/chosen.gguf')).toEqual([
      { path: '/a.gguf', name: 'SmolLM2 · Q8_0' },
      { path: '/b.gguf', name: 'b.gguf · Q8_0' },
      { path: '/r.gguf', name: 'Gemma · Q4_K_M' },
      { path: '/models/chosen.gguf', name: 'chosen.gguf' },
    ]);
  });
});
