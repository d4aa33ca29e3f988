import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Side } from '../contracts/shapes/evaluation.ts';

/** One thing that a side made of a row; which rows are meant is told by the evaluation's definition. */
export type RawRecord = { side: Side; line: number } & (
  | { kind: 'answer'; text: string; tokens: number; stop_reason: string }
  | { kind: 'loss'; nats: number; tokens: number }
  | { kind: 'options'; nats: number[] }
  /** The row can't be had: its prompt is longer than the context. */
  | { kind: 'too_long'; what: 'answer' | 'loss' | 'options' }
);

type Kind = 'answer' | 'loss' | 'options';

/**
 * What was generated and scored so far, one JSON object a line, appended as it comes: a process that is killed loses the row at hand
 * and nothing else. The figures are computed from this file anew each time, so that an evaluation that was interrupted has the numbers of
 * one that was not.
 */
export class RawStore {
  readonly file: string;
  private readonly handle: number;
  private readonly records = new Map<string, RawRecord>();

  /** @param dir the evaluation's folder; a last line that was not written to its end is removed */
  constructor(dir: string) {
    this.file = join(dir, 'rows.jsonl');
    if (existsSync(this.file)) this.read();
    this.handle = openSync(this.file, 'a');
  }

  get(side: Side, kind: Kind, line: number): RawRecord | undefined {
    return this.records.get(keyOf(side, kind, line));
  }

  /** Rows that a side could not have. */
  tooLong(): number {
    const found = [...this.records.values()].filter(({ kind }) => kind === 'too_long');
    return new Set(found.map(({ line }) => line)).size;
  }

  /** @throws the system's error, e.g. of a full disk; the file then ends with the record before */
  add(record: RawRecord): void {
    const before = fstatSync(this.handle).size;
    const bytes = Buffer.from(`${JSON.stringify(record)}\n`);
    try {
      // A disk that is nearly full takes a piece and says nothing.
      for (let done = 0; done < bytes.length;) done += writeSync(this.handle, bytes, done);
    } catch (error) {
      ftruncateSync(this.handle, before);
      throw error;
    }
    this.keep(record);
  }

  close(): void {
    closeSync(this.handle);
  }

  private keep(record: RawRecord): void {
    this.records.set(keyOf(record.side, record.kind === 'too_long' ? record.what : record.kind, record.line), record);
  }

  private read(): void {
    const bytes = readFileSync(this.file);
    const whole = bytes.lastIndexOf('\n') + 1;
    if (whole < bytes.length) truncateSync(this.file, whole);
    for (const line of bytes.toString('utf8', 0, whole).split('\n')) {
      if (line !== '') this.keep(JSON.parse(line) as RawRecord);
    }
  }
}

const keyOf = (side: Side, kind: Kind, line: number) => `${side} ${kind} ${line}`;
