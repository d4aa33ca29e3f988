import { expect, it } from 'vitest';
import { fileWarnings } from './file-warnings.ts';
import type { FileAudit } from './types.ts';

const audit: FileAudit = {
  path: 'rows.json',
  kind: 'json',
  format: 'messages',
  format_reason: '',
  columns: { messages: 'messages' },
  size_bytes: 10,
  rows_read: 3,
  rows_used: 3,
  rows_refused: 0,
  refused_by_code: {},
  refused_examples: [],
  duplicate_rows: 0,
  duplicate_examples: [],
};

it('asks about fields that look like they matter, and about no other', () => {
  const unused_fields = [
    { field: 'context', rows: 2, question: 'context' as const },
    { field: 'id', rows: 3, question: null },
  ];
  const [asked, ...others] = fileWarnings({ ...audit, unused_fields });
  expect(asked).toMatchObject({
    code: 'field_unused',
    details: { field: 'context', rows: 2, of: 3, question: 'context' },
  });
  expect(asked!.message).toMatch(/^Does "context" matter\? It is in 2 of 3 rows/);
  expect(others).toEqual([]);
});

it('names turns that were dropped, and parts of a file that were not read', () => {
  expect(fileWarnings({ ...audit, rows_with_dropped_turns: 2, dropped_turns_line: 7 })).toMatchObject([
    { code: 'turns_dropped', details: { rows: 2, line: 7 } },
  ]);
  const shape = { kind: 'named' as const, list: 'train', not_read: ['test'], other_lists: [{ name: 'test', rows: 2 }] };
  expect(fileWarnings({ ...audit, shape })).toMatchObject([
    { code: 'file_part_read', details: { others: '"test" (2)' } },
  ]);
  expect(fileWarnings({ ...audit, shape: { ...shape, validation: 'test' } })).toMatchObject([
    { code: 'file_splits', hint: expect.stringContaining('the same file as validation file') as string },
  ]);
  expect(fileWarnings({ ...audit, shape: { ...shape, other_lists: [] } })).toEqual([]);
});
