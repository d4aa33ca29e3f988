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

  add(row: ExportRow): void {
    this.db
      .prepare(
        `INSERT INTO exports (run_id, time_ms, format, output_type, output_path, output_bytes, verdict, base_loss, tuned_loss,
           export_loss, mean_kl_divergence)
         VALUES (@run_id, @time_ms, @format, @output_type, @output_path, @output_bytes, @verdict, @base_loss, @tuned_loss,
           @export_loss, @mean_kl_divergence)`,
      )
      .run(row);
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
