/** Progress reaches the screen at most this often. */
export const EMIT_MS = 100;

/**
 * Calls `work` at most once in `ms`: the first call of a quiet time at once, later ones together when the time is over.
 * `now` does what is due at once, `cancel` forgets it.
 */
export function throttle(work: () => void, ms = EMIT_MS): { (): void; soon(): void; now(): void; cancel(): void } {
  let timer: NodeJS.Timeout | null = null;
  let last_ms = 0;
  const run = () => {
    timer = null;
    last_ms = Date.now();
    work();
  };
  const call = () => {
    if (timer !== null) return;
    const wait = last_ms + ms - Date.now();
    if (wait <= 0) run();
    else timer = setTimeout(run, wait);
  };
  const clear = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  return Object.assign(call, {
    soon: call,
    now: () => {
      clear();
      run();
    },
    cancel: clear,
  });
}
