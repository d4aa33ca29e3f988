import { SvelteSet } from 'svelte/reactivity';
import type { RunSummary } from '../../../main/contracts/ipc.ts';
import { ApiError, call } from '../api/bridge.svelte.ts';
import { i18n } from '../i18n/i18n.svelte.ts';
import { runs } from './runs.svelte.ts';
import { toasts } from './toasts.svelte.ts';

/** How often a run is tried again whose trainer still works, and for how long, in ms. */
const RETRY_MS = 1000;
const PATIENCE_MS = 120_000;

/**
 * Goes on with runs that were stopped, interrupted or that failed. After a crash of Forja the trainer may still be writing its last
 * checkpoint: then the run waits for that, and goes on by itself. How it ends is told in a toast, whatever screen is shown.
 */
class Continuing {
  readonly #waiting = new SvelteSet<string>();
  readonly #asked = new SvelteSet<string>();

  /** It was asked to go on, and has not been answered yet. */
  isAsked(id: string): boolean {
    return this.#asked.has(id);
  }

  /** It goes on as soon as its old trainer has ended. */
  isWaiting(id: string): boolean {
    return this.#waiting.has(id);
  }

  async go(run: Pick<RunSummary, 'id' | 'name'>): Promise<void> {
    const { id, name } = run;
    if (this.#asked.has(id)) return;
    this.#asked.add(id);
    try {
      runs.put(await this.#patiently(id));
      toasts.show({ tone: 'success', title: i18n.t.runPage.goesOn(name) });
    } catch (error) {
      toasts.tell(error, i18n.t.runPage.continueFailed(name), {
        label: i18n.t.common.retry,
        run: () => void this.go(run),
      });
    } finally {
      this.#waiting.delete(id);
      this.#asked.delete(id);
    }
  }

  async #patiently(run_id: string): Promise<RunSummary> {
    const until = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await call('runs.continue', { run_id });
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== 'run_in_use' || Date.now() > until) throw error;
        this.#waiting.add(run_id);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }
}

export const continuing = new Continuing();
