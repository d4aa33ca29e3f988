import { Writable } from 'node:stream';
import type { Segment, StartTokenizer, TokenizeResult } from '../types.ts';

export interface Written {
  row: number;
  segments: Segment[];
}

/** Takes rows as the trainer does, slowly and with a small buffer, and counts characters as tokens. */
export class RowCollector {
  readonly files = new Map<string, Written[]>();
  /** The `dataset_rows` of each file that was begun. */
  readonly told: number[] = [];
  killed = 0;
  mostBuffered = 0;

  readonly start: StartTokenizer = (output_path, dataset_rows = 0) => {
    this.told.push(dataset_rows);
    const rows: Written[] = [];
    this.files.set(output_path, rows);
    let resolve!: (result: TokenizeResult) => void;
    const result = new Promise<TokenizeResult>((done) => (resolve = done));
    let text = '';
    const stdin = new Writable({
      highWaterMark: 1024,
      decodeStrings: false,
      write: (chunk: string, _encoding, next) => {
        this.mostBuffered = Math.max(this.mostBuffered, stdin.writableLength);
        text += chunk;
        setImmediate(next);
      },
      final: (next) => {
        for (const line of text.split('\n')) if (line !== '') rows.push(JSON.parse(line) as Written);
        resolve(this.count(rows));
        next();
      },
    });
    return { stdin, result, kill: () => (this.killed += 1) };
  };

  private count(rows: Written[]): TokenizeResult {
    const length = (supervised: number[]) =>
      rows.reduce(
        (sum, row) =>
          sum + row.segments.reduce((n, [text, kind]) => n + (supervised.includes(kind) ? text.length : 0), 0),
        0,
      );
    return {
      rows: rows.length,
      tokens: length([0, 1]),
      supervised_tokens: length([1]),
      median_tokens: 0,
      p95_tokens: 0,
      max_tokens: 0,
      truncated_rows: 0,
      empty_rows: 0,
      lost_tokens: 0,
      lost_supervised_tokens: 0,
      windowed_rows: 0,
      repeated_tokens: 0,
      length_histogram: [],
    };
  }
}
