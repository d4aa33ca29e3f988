import type { TokenRow } from './types.ts';

/** A held-out row, rendered. A long text is several, which follow each other. */
export interface RankedRow {
  rank: number;
  line: number;
  part: number;
  row: TokenRow;
}

/** The first of all held-out rows by their rank, however many come. Memory: twice as many rows as are kept. */
export class KeptRows {
  /** All that came. */
  seen = 0;
  private rows: RankedRow[] = [];
  /** Rows that come after this one are too many. */
  private last: RankedRow | null = null;
  private readonly most: number;

  /** @param most rows that may be asked for */
  constructor(most: number) {
    this.most = most;
  }

  add(row: RankedRow): void {
    this.seen += 1;
    if (this.last !== null && compare(row, this.last) > 0) return;
    this.rows.push(row);
    if (this.rows.length >= 2 * this.most + 1024) this.prune();
  }

  /** The first rows in order. @param count at most as many as are kept */
  first(count: number): RankedRow[] {
    this.prune();
    return this.rows.slice(0, count);
  }

  private prune(): void {
    this.rows.sort(compare);
    if (this.rows.length <= this.most) return;
    this.rows.length = this.most;
    this.last = this.rows.at(-1) ?? null;
  }
}

const compare = (a: RankedRow, b: RankedRow) => a.rank - b.rank || a.line - b.line || a.part - b.part;
