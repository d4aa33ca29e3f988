import { SvelteMap } from 'svelte/reactivity';
import type { RunSummary } from '../../../main/contracts/ipc.ts';
import { call, on } from '../api/bridge.svelte.ts';

/** All runs as the table has them, kept fresh by events: one list for every screen. */
class RunsState {
  readonly #runs = new SvelteMap<string, RunSummary>();
  #isLoaded = $state(false);
  readonly #newestFirst = $derived([...this.#runs.values()].sort((a, b) => b.created_ms - a.created_ms));
  readonly #active = $derived(this.#newestFirst.find(isActive) ?? null);

  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** The newest first. */
  get all(): readonly RunSummary[] {
    return this.#newestFirst;
  }

  /** The run that is being prepared or trained now. */
  get active(): RunSummary | null {
    return this.#active;
  }

  get(id: string): RunSummary | null {
    return this.#runs.get(id) ?? null;
  }

  /** Takes a run as the main process just answered it, before its event comes. */
  put(run: RunSummary): void {
    this.#runs.set(run.id, run);
  }

  /** Loads the list and follows the events; returns what undoes that. */
  start(): () => void {
    // Events that come while the list is on its way are newer than it.
    const fresh = new Set<string>();
    const stops = [
      on('run.changed', (run) => {
        fresh.add(run.id);
        this.#runs.set(run.id, run);
      }),
      on('run.removed', ({ run_id }) => {
        fresh.add(run_id);
        this.#runs.delete(run_id);
      }),
    ];
    void call('runs.list').then((runs) => {
      for (const run of runs) if (!fresh.has(run.id)) this.#runs.set(run.id, run);
      this.#isLoaded = true;
    });
    return () => {
      for (const stop of stops) stop();
    };
  }
}

export const runs = new RunsState();

/** How far a run is with what it does now, 0 to 1; null when that is not known. */
export function shareOf(run: RunSummary): number | null {
  if (run.status === 'preparing') return run.phase_share;
  return run.total_steps ? run.steps / run.total_steps : 0;
}

/** Whether a run works now, or is paused in its work; one that another process works on, as the command line, does not count. */
export function isActive(run: RunSummary): boolean {
  return (run.status === 'preparing' || run.status === 'training') && run.phase !== null;
}
