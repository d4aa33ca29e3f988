import { RowError } from '../errors.ts';

export type Row = Record<string, unknown>;

/** A column that must hold text. @throws RowError missing_column, wrong_type, empty_content */
export function requiredText(row: Row, column: string): string {
  const text = optionalText(row, column);
  if (text === null) throw new RowError('missing_column', `Has no column "${column}".`, { column });
  if (text.trim() === '') throw new RowError('empty_content', `The column "${column}" is empty.`, { column });
  return text;
}

/** A column that may be absent or null. @throws RowError wrong_type */
export function optionalText(row: Row, column: string | undefined): string | null {
  if (column === undefined) return null;
  const value = row[column];
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string')
    throw new RowError('wrong_type', `The column "${column}" must be text, this is ${typeName(value)}.`, {
      column,
      expected: 'text',
      found: typeName(value),
    });
  if (!isWellFormed(value))
    throw new RowError('invalid_utf8', `The column "${column}" holds half of a surrogate pair.`, { column });
  return value;
}

/** A column that must hold a list; in CSV it may be JSON text. @throws RowError missing_column, wrong_type, empty_content */
export function requiredList(row: Row, column: string): unknown[] {
  let value = row[column];
  if (value === undefined || value === null)
    throw new RowError('missing_column', `Has no column "${column}".`, { column });
  if (typeof value === 'string' && value.trimStart().startsWith('[')) {
    try {
      value = JSON.parse(value) as unknown;
    } catch {
      throw new RowError('wrong_type', `The column "${column}" must be a list, this is text that is not valid JSON.`, {
        column,
        expected: 'list',
        found: 'text',
      });
    }
  }
  if (!Array.isArray(value))
    throw new RowError('wrong_type', `The column "${column}" must be a list, this is ${typeName(value)}.`, {
      column,
      expected: 'list',
      found: typeName(value),
    });
  if (value.length === 0) throw new RowError('empty_content', `The column "${column}" is an empty list.`, { column });
  return value as unknown[];
}

/** Whether a text can be written as UTF-8; JSON's escapes can make halves of characters that can't. */
export function isWellFormed(text: string): boolean {
  return text.isWellFormed();
}

export function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : typeof value === 'string' ? 'text' : `a ${typeof value}`;
}
