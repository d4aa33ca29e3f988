import type { TrainerEvent } from '../../contracts/protocol.ts';
import type { ErrorReport, ExitCode } from '../../contracts/errors.ts';

/** At most this often a line of progress is drawn anew, and in a log file written once. */
const REDRAW_MS = 100;
const LOG_MS = 10_000;

/**
 * What a command says. With --json, stdout carries JSON Lines and nothing else: the trainer's events as they are, and at last
 * one flat object. Without, stdout carries text for people, and stderr the line of progress.
 */
export class Output {
  readonly isJson: boolean;
  private readonly isTerminal = process.stderr.isTTY;
  private transient = false;
  private drawn_ms = 0;
  private broken = false;

  constructor(isJson: boolean) {
    this.isJson = isJson;
    // Whoever read our output has gone: the work goes on without it.
    process.stdout.on('error', () => (this.broken = true));
  }

  /** A line of the trainer, passed on with --json. */
  event(_event: TrainerEvent, line: string): void {
    if (this.isJson) this.write(`${line}\n`);
  }

  /** A line that is no trainer's event, with --json. */
  row(row: Record<string, unknown>): void {
    if (this.isJson) this.write(`${JSON.stringify(row)}\n`);
  }

  /** Text for people. */
  text(text = ''): void {
    if (this.isJson) return;
    this.clear();
    this.write(`${text}\n`);
  }

  /** A piece of text for people, with no line end. */
  piece(text: string): void {
    if (!this.isJson) this.write(text);
  }

  /**
   * A line of progress, which the next one replaces. Where stderr is no terminal it is written now and then.
   * @param isMilestone written in any case
   */
  progress(text: string, isMilestone = false): void {
    if (this.isJson) return;
    const now = Date.now();
    if (!isMilestone && now - this.drawn_ms < (this.isTerminal ? REDRAW_MS : LOG_MS)) return;
    this.drawn_ms = now;
    if (this.isTerminal) {
      const width = process.stderr.columns;
      process.stderr.write(`\r\x1b[K${text.length < width ? text : text.slice(0, width - 1)}`);
      this.transient = true;
      if (isMilestone) this.keep();
    } else {
      process.stderr.write(`${text}\n`);
    }
  }

  /** Lets the line of progress stay as it is. */
  keep(): void {
    if (this.transient) process.stderr.write('\n');
    this.transient = false;
  }

  /** Something a person should know, on stderr. */
  warn(message: string, hint = ''): void {
    this.clear();
    process.stderr.write(`! ${message}${hint === '' ? '' : `\n  ${hint}`}\n`);
  }

  /** The last line with --json: the result as one flat object. */
  result(command: string, result: Record<string, unknown>, exit_code: ExitCode = 0): void {
    if (this.isJson)
      this.write(`${JSON.stringify({ type: 'summary', command, ok: exit_code === 0, exit_code, ...result })}\n`);
  }

  /** Why the command failed: text on stderr, and with --json the last line. */
  fail(command: string, report: ErrorReport & { exit_code: ExitCode }): void {
    this.clear();
    const { code, message, hint, details, exit_code } = report;
    process.stderr.write(`✗ ${message}\n${hint === '' ? '' : `  ${hint}\n`}  (${code})\n`);
    this.result(command, { code, message, hint, details }, exit_code);
  }

  /** Waits until all that was said has left this process. */
  async drain(): Promise<void> {
    this.keep();
    if (!this.broken) await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
  }

  private clear(): void {
    if (this.transient) process.stderr.write('\r\x1b[K');
    this.transient = false;
  }

  private write(text: string): void {
    if (!this.broken) process.stdout.write(text);
  }
}
