import type { EvaluationProgress, EvaluationSummary, IpcError, IpcRequest } from '../../../main/contracts/ipc.ts';
import { call, on } from '../api/bridge.svelte.ts';

/** The evaluations of one run: those that have ended, and the one that goes on. */
export class EvaluationState {
  readonly run_id: string;
  #evaluations = $state.raw<readonly EvaluationSummary[]>([]);
  #running = $state.raw<EvaluationProgress | null>(null);
  #error = $state.raw<IpcError | null>(null);
  #isStopped = $state(false);
  #isLoaded = $state(false);

  constructor(run_id: string) {
    this.run_id = run_id;
  }

  /** The newest first. */
  get evaluations(): readonly EvaluationSummary[] {
    return this.#evaluations;
  }

  get running(): EvaluationProgress | null {
    return this.#running;
  }

  /** Why the last one ended with no result. */
  get error(): IpcError | null {
    return this.#error;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Follows the run's evaluations; returns what ends that. */
  start(): () => void {
    void this.#load();
    const ends = [
      on('evaluation.progress', ({ run_id, ...progress }) => {
        if (run_id === this.run_id) this.#running = progress;
      }),
      on('evaluation.done', ({ run_id, key, error }) => {
        if (run_id !== this.run_id) return;
        this.#error = error;
        this.#isStopped = key === null && error === null;
        void this.#load();
      }),
    ];
    return () => ends.forEach((end) => end());
  }

  /** @throws ApiError when it could not begin */
  async begin(request: Omit<IpcRequest<'evaluations.start'>, 'run_id'>): Promise<void> {
    this.#error = null;
    this.#isStopped = false;
    await call('evaluations.start', { ...request, run_id: this.run_id });
    this.#running = { phase: 'reading', side: 'base', done: 0, total: 0 };
  }

  async #load(): Promise<void> {
    const { running, evaluations } = await call('evaluations.list', { run_id: this.run_id });
    this.#running = running;
    this.#evaluations = evaluations;
    this.#isLoaded = true;
  }
}
