import type { LogEntry } from '../contracts/ipc.ts';
import type { ForjaDb, LogRow } from '../db/index.ts';
import { throttle } from './throttle.ts';

/** How many entries of a run are kept; a trainer that says the same thing at every step must not fill the disk. */
const KEPT = 10_000;

/** The longest line kept, in characters. */
const MAX_CHARS = 2000;

/** The log of one run: entries are written and told together, at most ten times a second. */
export class RunLog {
  private readonly run_id: string;
  private readonly db: ForjaDb;
  private readonly tell: (entries: LogEntry[]) => void;
  private readonly flushSoon = throttle(() => this.flush());
  private pending: LogEntry[] = [];
  private next: number;
  private rest = '';

  constructor(run_id: string, db: ForjaDb, tell: (entries: LogEntry[]) => void) {
    this.run_id = run_id;
    this.db = db;
    this.tell = tell;
    this.next = db.logs.nextSeq(run_id);
  }

  add(level: LogEntry['level'], text: string, code: string | null = null, details: Record<string, unknown> = {}): void {
    const entry = { seq: this.next++, time_ms: Date.now(), level, code, text: text.slice(0, MAX_CHARS), details };
    this.pending.push(entry);
    if (this.pending.length > KEPT) this.pending.shift();
    this.flushSoon();
  }

  /** Takes a piece of the trainer's log, which may end in the middle of a line. */
  addText(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') this.add('info', line.trimEnd());
  }

  close(): void {
    if (this.rest.trim() !== '') this.add('info', this.rest);
    this.flushSoon.cancel();
    this.flush();
  }

  private flush(): void {
    const entries = this.pending;
    this.pending = [];
    if (entries.length === 0) return;
    try {
      this.db.logs.add(
        entries.map((entry) => ({ ...entry, run_id: this.run_id, details: JSON.stringify(entry.details) })),
        KEPT,
      );
    } catch {
      // A log that can't be kept (a full disk) must not end the run; the screen still gets it.
    }
    this.tell(entries);
  }
}

/** A stored entry as the screen gets it. */
export function toLogEntry({ seq, time_ms, level, code, text, details }: LogRow): LogEntry {
  return { seq, time_ms, level, code, text, details: JSON.parse(details) as Record<string, unknown> };
}
