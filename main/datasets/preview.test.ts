import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listColumns, previewRows } from './preview.ts';
import { chatml } from './templates/example-templates.ts';
import { openTemplate } from './templates/index.ts';

let dir: string;
beforeAll(() => (dir = mkdtempSync(join(tmpdir(), 'forja-preview-'))));
afterAll(() => rmSync(dir, { recursive: true }));

function file(name: string, ...rows: unknown[]): string {
  const path = join(dir, name);
  writeFileSync(path, rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n'));
  return path;
}
const template = openTemplate(chatml);

test('rows come as the model sees them, refused ones with their reason, and there may be more', async () => {
  const path = file(
    'a.jsonl',
    { prompt: 'a', completion: 'b' },
    'no json',
    { prompt: 'c', completion: 'd' },
    { prompt: 'e', completion: 'f' },
  );
  const { rows, has_more } = await previewRows({ path, template, max_seq_len: 64, offset: 0, limit: 3 });
  expect(has_more).toBe(true);
  expect(rows.map(({ line, refusal }) => [line, refusal?.code ?? null])).toEqual([
    [1, null],
    [2, 'invalid_json'],
    [3, null],
  ]);
  expect(rows[0]!.segments).toContainEqual(['b<|im_end|>', 1]);
  const rest = await previewRows({ path, template, max_seq_len: 64, offset: 3, limit: 3 });
  expect(rest.rows.map(({ line }) => line)).toEqual([4]);
  expect(rest.has_more).toBe(false);
});

test('a long text comes in its parts', async () => {
  const path = file('b.jsonl', { text: 'word '.repeat(100) });
  const { rows } = await previewRows({ path, template, max_seq_len: 32, offset: 0, limit: 1 });
  expect(rows.length).toBeGreaterThan(3);
  expect(rows.every(({ line }) => line === 1)).toBe(true);
});

test('the columns of the first rows', async () => {
  expect(await listColumns(file('c.jsonl', { a: 1, b: 2 }, { b: 3, c: 4 }))).toEqual(['a', 'b', 'c']);
});
