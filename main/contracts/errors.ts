import { ERROR_EXITS, type CoreErrorCode } from './codes.ts';

/** Exit codes of `forja` and of `forja-trainer`. */
export const EXIT = { done: 0, failure: 1, bad_input: 2, stopped: 3 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export { ERROR_EXITS, type ErrorCode } from './codes.ts';

/** What a person is told when something ended: `details` holds the message's variable parts, for translation. */
export interface ErrorReport {
  code: string;
  message: string;
  hint: string;
  details: Record<string, unknown>;
}

/** An error with a stable code, what happened and what to do. */
export class ForjaError extends Error implements ErrorReport {
  override readonly name = 'ForjaError';
  readonly code: string;
  readonly hint: string;
  readonly details: Record<string, unknown>;
  readonly exitCode: ExitCode;

  constructor(
    code: CoreErrorCode,
    message: string,
    hint: string,
    details: Record<string, unknown> = {},
    options: { cause?: unknown } = {},
  ) {
    super(message, options);
    this.code = code;
    this.hint = hint;
    this.details = details;
    this.exitCode = ERROR_EXITS[code];
  }
}

/** An error that the trainer reported or that its end means; codes are the trainer's own. */
export class TrainerError extends Error implements ErrorReport {
  override readonly name = 'TrainerError';
  readonly code: string;
  readonly hint: string;
  readonly details: Record<string, unknown>;
  readonly exitCode: ExitCode;

  constructor(report: ErrorReport, exitCode: ExitCode) {
    super(report.message);
    this.code = report.code;
    this.hint = report.hint;
    this.details = report.details;
    this.exitCode = exitCode;
  }
}

const full = {
  code: 'disk_full',
  what: 'The disk is full',
  hint: 'Free some space there and try again. A run that had begun goes on from its last checkpoint with `forja resume`.',
} as const;
const denied = {
  code: 'access_denied',
  what: 'The system does not allow it',
  hint: 'Check whose the file and its folder are, and that the disk can be written to; or choose another folder.',
} as const;

/** What the system and SQLite refuse wherever a file is touched, by their own codes. */
const SYSTEM_ERRORS = new Map<string, typeof full | typeof denied>([
  ['ENOSPC', full],
  ['EDQUOT', full],
  ['SQLITE_FULL', full],
  ['EACCES', denied],
  ['EPERM', denied],
  ['EROFS', denied],
  ['SQLITE_READONLY', denied],
]);

/**
 * Any thrown value as a report and the exit code it ends a command with. Errors of other layers are known by their shape
 * (`code`, `hint`, `details`).
 */
export function toReport(error: unknown): ErrorReport & { exit_code: ExitCode } {
  if (error instanceof ForjaError || error instanceof TrainerError) {
    const { code, message, hint, details, exitCode } = error;
    return { code, message, hint, details, exit_code: exitCode };
  }
  if (error instanceof Error && 'hint' in error && 'code' in error) {
    const { code, hint, message } = error;
    const details = 'details' in error ? (error.details as Record<string, unknown>) : {};
    const exit_code = (ERROR_EXITS as Record<string, ExitCode | undefined>)[String(code)] ?? EXIT.bad_input;
    return { code: String(code), message, hint: String(hint), details, exit_code };
  }
  const known = error instanceof Error && 'code' in error ? SYSTEM_ERRORS.get(String(error.code)) : undefined;
  if (error instanceof Error && known !== undefined) {
    const details = { path: 'path' in error ? error.path : null };
    const { code, what, hint } = known;
    return { code, message: `${what}: ${error.message}`, hint, details, exit_code: EXIT.failure };
  }
  const message = error instanceof Error ? error.message : String(error);
  const hint = 'This is a fault of Forja itself. Run the command again with FORJA_DEBUG=1 and report what it prints.';
  return { code: 'internal', message, hint, details: {}, exit_code: EXIT.failure };
}
