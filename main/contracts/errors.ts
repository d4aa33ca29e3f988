/** Exit codes of `forja` and of `forja-trainer`. */
export const EXIT = { done: 0, failure: 1, bad_input: 2, stopped: 3 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/**
 * The codes that the TypeScript side raises itself, with the exit code that each ends the command with. The trainer and the
 * datasets layer have codes of their own, which pass through as they are.
 */
export const ERROR_EXITS = {
  usage: EXIT.bad_input,
  setting_invalid: EXIT.bad_input,
  file_not_found: EXIT.bad_input,
  out_dir_holds_run: EXIT.bad_input,
  out_dir_not_empty: EXIT.bad_input,
  out_dir_unwritable: EXIT.bad_input,
  run_not_found: EXIT.bad_input,
  run_file_invalid: EXIT.bad_input,
  run_in_use: EXIT.bad_input,
  run_is_active: EXIT.bad_input,
  run_not_active: EXIT.bad_input,
  run_not_waiting: EXIT.bad_input,
  run_not_continuable: EXIT.bad_input,
  run_completed: EXIT.bad_input,
  run_has_no_adapter: EXIT.bad_input,
  model_changed: EXIT.bad_input,
  output_exists: EXIT.bad_input,
  request_invalid: EXIT.bad_input,
  path_not_allowed: EXIT.bad_input,
  sender_unknown: EXIT.failure,
  sample_model_unavailable: EXIT.failure,
  trainer_missing: EXIT.failure,
  trainer_unstartable: EXIT.failure,
  trainer_killed: EXIT.failure,
  trainer_crashed: EXIT.failure,
  protocol_mismatch: EXIT.failure,
  protocol_violation: EXIT.failure,
  database_from_future: EXIT.failure,
  database_corrupt: EXIT.failure,
  database_locked: EXIT.failure,
  database_unavailable: EXIT.failure,
  disk_full: EXIT.failure,
  access_denied: EXIT.failure,
  internal: EXIT.failure,
} as const satisfies Record<string, ExitCode>;

export type ErrorCode = keyof typeof ERROR_EXITS;

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
    code: ErrorCode,
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
  hint: 'Free some space there and go on from the last checkpoint with `forja resume`.',
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

/** Codes of other layers that are not about what was given. */
const OTHER_FAILURES = new Set(['chat_crashed', 'chat_failed', 'chat_closed']);

/**
 * Any thrown value as a report and the exit code it ends a command with. Errors of other layers are known by their shape
 * (`code`, `hint`, `details`): those are about what was given, so they end with 2.
 */
export function toReport(error: unknown): ErrorReport & { exit_code: ExitCode } {
  if (error instanceof ForjaError || error instanceof TrainerError) {
    const { code, message, hint, details, exitCode } = error;
    return { code, message, hint, details, exit_code: exitCode };
  }
  if (error instanceof Error && 'hint' in error && 'code' in error) {
    const { code, hint, message } = error;
    const details = 'details' in error ? (error.details as Record<string, unknown>) : {};
    const exit_code = OTHER_FAILURES.has(String(code)) ? EXIT.failure : EXIT.bad_input;
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
