import { EXIT, ForjaError, TrainerError } from '../contracts/errors.ts';
import type { ErrorData } from '../contracts/protocol-types.ts';

/** How a trainer's process ended. */
export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last error event, if there was one. */
  error: ErrorData | null;
  /** The end of what it wrote to stderr. */
  log: string;
}

const CRASHES = new Set(['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE']);
/** What is written at each start, and explains no end: which backends there are. */
const NOTICE = /^(load_backend: |The \S+ backend is not used here)/;
const RESUME = 'A training run goes on from its last checkpoint with `forja resume DIR`.';

/**
 * What the end of a trainer that gave no result means.
 * The trainer's own error comes first; then its exit code and signal.
 */
export function explainEnding({ code, signal, error, log }: Ending): Error {
  if (error !== null) {
    return new TrainerError(error, code === EXIT.bad_input ? EXIT.bad_input : EXIT.failure);
  }
  const details = { exit_code: code, signal, log: log.slice(-4000) };
  if (signal !== null && !CRASHES.has(signal)) {
    const cause =
      signal === 'SIGKILL'
        ? 'Systems do that to the largest program when memory runs out: if nobody stopped it, lower max_seq_len, lora_rank or activation_budget_bytes. '
        : '';
    return new ForjaError('trainer_killed', `The trainer was killed (${signal}).`, cause + RESUME, details);
  }
  const last =
    log
      .trimEnd()
      .split('\n')
      .findLast((line) => !NOTICE.test(line)) ?? '';
  const how = signal === null ? `ended with code ${code ?? 'unknown'} and no result` : `crashed (${signal})`;
  return new ForjaError(
    'trainer_crashed',
    `The trainer ${how}${last === '' ? '' : `: ${last}`}.`,
    `This is a fault of the trainer itself: report it with the log below. ${RESUME}`,
    details,
  );
}
