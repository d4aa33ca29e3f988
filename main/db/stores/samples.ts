import type { Database } from 'better-sqlite3';

/** What a model answered to one of a run's sample prompts, with the adapter of this step. */
export interface SampleRow {
  run_id: string;
  step: number;
  prompt_index: number;
  time_ms: number;
  prompt: string;
  text: string;
}

/** Answers that were written during training. */
export class SampleStore {
  private readonly db: Database;

  constructor(db: Database) {
    this.db = db;
  }

  add(sample: SampleRow): void {
    this.db
      .prepare(
        `INSERT OR REPLACE INTO samples (run_id, step, prompt_index, time_ms, prompt, text)
         VALUES (@run_id, @step, @prompt_index, @time_ms, @prompt, @text)`,
      )
      .run(sample);
  }

  ofRun(run_id: string): SampleRow[] {
    return this.db
      .prepare('SELECT * FROM samples WHERE run_id = ? ORDER BY step, prompt_index')
      .all(run_id) as SampleRow[];
  }
}
