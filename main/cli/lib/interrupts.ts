/** A second Ctrl-C counts from here on: a terminal and a parent process may both pass the first one on. */
const DEBOUNCE_MS = 400;

/**
 * Listens to Ctrl-C and to SIGTERM until `release` is called.
 * @param onStop the first one: stop as soon as all is safe
 * @param onKill the second one: stop at once
 */
export function onInterrupt(onStop: () => void, onKill: () => void): { release: () => void } {
  let first_ms: number | null = null;
  const listen = () => {
    const now = Date.now();
    if (first_ms === null) {
      first_ms = now;
      onStop();
    } else if (now - first_ms > DEBOUNCE_MS) {
      onKill();
    }
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, listen);
  return {
    release: () => {
      for (const signal of signals) process.removeListener(signal, listen);
    },
  };
}
