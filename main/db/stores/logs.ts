import type { Database } from 'better-sqlite3';

/** A line of a run's log, or something it told the person. */
export interface LogRow {
  run_id: string;
  /** Counts up within a run. */
  seq: number;
  time_ms: number;
  level: 'info' | 'warning' | 'error';
  code: string | null;
  text: string;
  /** JSON. */
  details: string;
}

/** The logs of runs; of each the newest entries are kept. */
export class LogStore {
  private readonly db: Database;

  constructor(db: Database) {
    this.db = db;
  }

  /**
   * Adds entries in one transaction.
   * @param kept how many of a run's newest entries stay
   */
  add(entries: readonly LogRow[], kept: number): void {
    if (entries.length === 0) return;
    const insert = this.db.prepare(
      `INSERT OR REPLACE INTO log_entries (run_id, seq, time_ms, level, code, text, details)
       VALUES (@run_id, @seq, @time_ms, @level, @code, @text, @details)`,
    );
    const trim = this.db.prepare('DELETE FROM log_entries WHERE run_id = ? AND seq <= ?');
    this.db.transaction(() => {
      for (const entry of entries) insert.run(entry);
      const last = entries.at(-1)!;
      trim.run(last.run_id, last.seq - kept);
    })();
  }

  /** The sequence number that a run's next entry gets. */
  nextSeq(run_id: string): number {
    return this.db
      .prepare('SELECT coalesce(max(seq) + 1, 0) FROM log_entries WHERE run_id = ?')
      .pluck()
      .get(run_id) as number;
  }

  /** The last entries of a run, the oldest first. */
  tail(run_id: string, limit: number): LogRow[] {
    const rows = this.db
      .prepare('SELECT * FROM log_entries WHERE run_id = ? ORDER BY seq DESC LIMIT ?')
      .all(run_id, limit) as LogRow[];
    return rows.reverse();
  }
}
