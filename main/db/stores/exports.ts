import type { Database } from 'better-sqlite3';

/** An export and what its check said; the check's fields are null when it was left out. */
export interface ExportRow {
  id?: number;
  run_id: string | null;
  time_ms: number;
  format: string;
  output_type: string;
  output_path: string;
  output_bytes: number;
  verdict: string | null;
  base_loss: number | null;
  tuned_loss: number | null;
  export_loss: number | null;
  mean_kl_divergence: number | null;
}

/** What was exported. */
export class ExportStore {
  private readonly db: Database;

  constructor(db: Database) {
    this.db = db;
  }

  /** @returns its id */
  add(row: ExportRow): number {
    const { lastInsertRowid } = this.db
      .prepare(
        `INSERT INTO exports (run_id, time_ms, format, output_type, output_path, output_bytes, verdict, base_loss, tuned_loss,
           export_loss, mean_kl_divergence)
         VALUES (@run_id, @time_ms, @format, @output_type, @output_path, @output_bytes, @verdict, @base_loss, @tuned_loss,
           @export_loss, @mean_kl_divergence)`,
      )
      .run(row);
    return Number(lastInsertRowid);
  }

  /** Notes what the check of an export said. */
  judge(
    id: number,
    said: Pick<ExportRow, 'verdict' | 'base_loss' | 'tuned_loss' | 'export_loss' | 'mean_kl_divergence'>,
  ): void {
    this.db
      .prepare(
        `UPDATE exports SET verdict = @verdict, base_loss = @base_loss, tuned_loss = @tuned_loss, export_loss = @export_loss,
           mean_kl_divergence = @mean_kl_divergence WHERE id = @id`,
      )
      .run({ ...said, id });
  }

  /** All exports, the newest first. */
  list(): (ExportRow & { id: number })[] {
    return this.db.prepare('SELECT * FROM exports ORDER BY id DESC').all() as (ExportRow & { id: number })[];
  }

  ofRun(run_id: string): (ExportRow & { id: number })[] {
    return this.db.prepare('SELECT * FROM exports WHERE run_id = ? ORDER BY id').all(run_id) as (ExportRow & {
      id: number;
    })[];
  }
}
