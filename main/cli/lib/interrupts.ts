import { killTrainers } from '../../trainer/index.ts';

/** How many listen with onInterrupt: while somebody does, a signal is theirs. */
let listeners = 0;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Makes a signal end this process together with its trainers, which have process groups of their own and would go on.
 * @param exit_code what the process then ends with
 */
export function endOnSignal(exit_code: number): void {
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (listeners > 0) return;
      killTrainers();
      process.exit(exit_code);
    });
  }
}

/** A second Ctrl-C counts from here on: a terminal and a parent process may both pass the first one on. */
const DEBOUNCE_MS = 400;

/**
 * Listens to Ctrl-C and to SIGTERM until `release` is called.
 * @param onStop the first one: stop as soon as all is safe
 * @param onKill the second one: stop at once
 */
export function onInterrupt(onStop: () => void, onKill: () => void): { release: () => void } {
  let first: { ms: number; signal: NodeJS.Signals } | null = null;
  const listen = (signal: NodeJS.Signals) => {
    const ms = Date.now();
    if (first === null) {
      first = { ms, signal };
      onStop();
    } else if (signal === first.signal && ms - first.ms > DEBOUNCE_MS) {
      // Another signal than the first is the launcher's word of the same Ctrl-C (forja.mjs), however late it comes.
      onKill();
    }
  };
  listeners += 1;
  for (const signal of SIGNALS) process.on(signal, listen);
  return {
    release: () => {
      listeners -= 1;
      for (const signal of SIGNALS) process.removeListener(signal, listen);
    },
  };
}
