import type { IpcEvent, LogEntry, RunDetail, RunSample } from '../../../main/contracts/ipc.ts';
import { call, on } from '../api/bridge.svelte.ts';
import { withSample } from './answers.ts';
import { curvesFrom, MAX_POINTS, NO_CURVES, withSteps, type RunCurves } from './run-curves.ts';
import { runs } from './runs.svelte.ts';

/** How many lines of the log are held; the whole log is in the run's folder. */
export const LOG_LINES = 500;
/** How long changes are gathered before the run's details are read anew, in ms. */
const REREAD_MS = 400;

/** One run as its screen shows it: all of it read from the main process, then kept fresh by events. */
export class RunLive {
  readonly id: string;
  #detail = $state.raw<RunDetail | null>(null);
  #curves = $state.raw<RunCurves>(NO_CURVES);
  #log = $state.raw<readonly LogEntry[]>([]);
  #samples = $state.raw<readonly RunSample[]>([]);
  #error = $state.raw<unknown>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(id: string) {
    this.id = id;
  }

  /** The newest of what is known: details as last read, with the numbers that events brought since. */
  get run(): RunDetail | null {
    if (this.#detail === null) return null;
    return { ...this.#detail, ...runs.get(this.id) };
  }

  get curves(): RunCurves {
    return this.#curves;
  }

  /** The oldest first. */
  get log(): readonly LogEntry[] {
    return this.#log;
  }

  /** By step, then in the order of the prompts. */
  get samples(): readonly RunSample[] {
    return this.#samples;
  }

  /** Why the run could not be read. */
  get error(): unknown {
    return this.#error;
  }

  /** Reads the run and follows it; returns what undoes that. */
  start(): () => void {
    // What comes while the answers are on their way is put on top of them.
    let early: IpcEvent<'run.steps'>[] | null = [];
    let standing = '';
    const stops = [
      on('run.steps', (event) => {
        if (event.run_id !== this.id) return;
        if (early !== null) early.push(event);
        else this.#curves = withSteps(this.#curves, event);
      }),
      on('run.log', ({ run_id, entries }) => {
        if (run_id === this.id) this.#log = mergedLog(this.#log, entries);
      }),
      on('run.sample', ({ run_id, sample }) => {
        if (run_id === this.id) this.#samples = withSample(this.#samples, sample);
      }),
      on('run.changed', (run) => {
        if (run.id !== this.id) return;
        const now = `${run.status} ${run.phase ?? ''} ${run.is_paused} ${run.can_continue}`;
        if (now !== standing) this.#rereadSoon();
        standing = now;
      }),
    ];
    void this.#load().then((metrics) => {
      if (metrics !== null) this.#curves = (early ?? []).reduce(withSteps, curvesFrom(metrics));
      early = null;
    });
    return () => {
      this.#isClosed = true;
      clearTimeout(this.#timer);
      for (const stop of stops) stop();
    };
  }

  /** Reads its details anew, after something that no event tells. */
  reread(): void {
    this.#rereadSoon();
  }

  async #load() {
    try {
      const run_id = this.id;
      const [detail, metrics, log] = await Promise.all([
        call('runs.get', { run_id }),
        call('runs.metrics', { run_id, max_points: MAX_POINTS }),
        call('runs.log', { run_id, limit: LOG_LINES }),
      ]);
      this.#take(detail);
      this.#log = mergedLog(log, this.#log);
      return metrics;
    } catch (error) {
      this.#error = error;
      return null;
    }
  }

  #take(detail: RunDetail): void {
    this.#detail = detail;
    this.#samples = detail.samples;
  }

  #rereadSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      call('runs.get', { run_id: this.id }).then(
        (detail) => {
          if (!this.#isClosed) this.#take(detail);
        },
        // It was deleted meanwhile: the list says so, and the screen with it.
        () => undefined,
      );
    }, REREAD_MS);
  }
}

/** Adds newer entries to a log, each once, and keeps the last `LOG_LINES`. */
export function mergedLog(log: readonly LogEntry[], entries: readonly LogEntry[]): readonly LogEntry[] {
  const last = log.at(-1)?.seq ?? -1;
  const fresh = entries.filter(({ seq }) => seq > last);
  return fresh.length === 0 ? log : [...log, ...fresh].slice(-LOG_LINES);
}
