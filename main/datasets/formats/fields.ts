import type { Row } from './values.ts';

/** What of a row is made use of, so that the rest can be told to the person. */
export class RowFields {
  private readonly row: Row;
  private readonly used = new Set<string>();
  private readonly unusedInTurns = new Set<string>();

  constructor(row: Row) {
    this.row = row;
  }

  use(column: string | undefined): void {
    if (column !== undefined) this.used.add(column);
  }

  /** @param place the column that holds the turns */
  leaveInTurn(place: string, field: string): void {
    this.unusedInTurns.add(`${place}[].${field}`);
  }

  /** Names of the columns and fields that hold something and are not used; those of turns as `messages[].name`. */
  unused(): string[] {
    const names: string[] = [];
    for (const name of Object.keys(this.row)) {
      if (!this.used.has(name) && !isBlank(this.row[name])) names.push(name);
    }
    return this.unusedInTurns.size === 0 ? names : [...names, ...this.unusedInTurns];
  }
}

/** Whether a value says nothing: null, an empty text, list or object. */
export function isBlank(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value === 'string') return value.trim() === '';
  if (typeof value !== 'object') return false;
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0;
}
