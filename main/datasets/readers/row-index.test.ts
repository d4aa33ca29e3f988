import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { ReadRow } from '../types.ts';
import { openReader } from './index.ts';

const dir = mkdtempSync(join(tmpdir(), 'forja-index-'));
afterAll(() => rmSync(dir, { recursive: true }));

const TEXTS = [
  'plain',
  'ñandú, "quoted"',
  'zwei\nZeilen',
  '日本語 😀',
  ' blanks ',
  '{"a": [1, "]"]}',
  "it's",
  '',
  'a;b\tc|d',
];

/** More than a chunk of rows, so that rows and characters are cut by its end. */
const ROWS = Array.from({ length: 9000 }, (_, row) => ({
  question: `${row} ${TEXTS[row % TEXTS.length]}`,
  answer: TEXTS[(row * 7 + 3) % TEXTS.length]!,
}));

const field = (text: string) => `"${text.replaceAll('"', '""')}"`;
const csv = (end: string, delimiter = ',') =>
  [
    `question${delimiter}answer`,
    ...ROWS.flatMap(({ question, answer }, row) => {
      const line = `${field(question)}${delimiter}${row % 3 === 0 ? field(answer) : answer.replace(/[\n",;]/g, ' ')}`;
      // Blank lines and rows with too many fields lie between.
      return row % 50 === 1 ? ['', `a${delimiter}b${delimiter}c`, line] : [line];
    }),
  ].join(end);
const json = ROWS.map((row) => JSON.stringify(row));
const damaged = Buffer.concat([
  Buffer.from('{"note": "'),
  Buffer.from([0xff, 0xe9]),
  Buffer.from(`ñ", "data": [${json.slice(0, 40).join(', ')}, {"question": "`),
  Buffer.from([0xfe]),
  Buffer.from(`", "answer": "lost"}, ${json.slice(40, 99).join(',')}], "more": 1}`),
]);
const blocks = ROWS.map(({ question }) => question.replace(/^\s+$/gm, '-')).join('\n\n  \n');

const FILES: Record<string, string | Buffer> = {
  'lines.jsonl': json.flatMap((row, at) => (at % 50 === 1 ? ['', '{broken', row] : [row])).join('\n'),
  'crlf.jsonl': `\ufeff${json.join('\r\n')}\r\n`,
  'comma.csv': csv('\n'),
  'semicolon-crlf.csv': `\ufeff${csv('\r\n', ';')}`,
  'cr-only.csv': csv('\r').replaceAll('\n', ' '),
  'unclosed.csv': `${csv('\n')}\n"last,one\nmore`,
  'blocks.txt': blocks,
  'lines.txt': ROWS.map(({ question }) => question.replaceAll('\n', ' ')).join('\r\n'),
  'one-line.json': `[${json.join(',')}]`,
  'pretty.json': `\ufeff${JSON.stringify(ROWS, null, 2)}`,
  'broken-row.json': `[${json.slice(0, 9).join(',\n')},\n{"question": 1 2},\n7, ${json.slice(9, 20).join(',\n')}`,
  'objects.json': ROWS.map((row) => JSON.stringify(row, null, 1)).join('\n'),
  'entries.json': JSON.stringify(Object.fromEntries(ROWS.map((row, at) => [`k "${at}" ñ`, row]))),
  'named.json': JSON.stringify({ licence: 'más '.repeat(90_000), rows: ROWS, after: ['x'] }),
  'damaged.json': damaged,
};

async function readAll(path: string): Promise<ReadRow[]> {
  const reader = await openReader(path);
  const all: ReadRow[] = [];
  for await (const { rows } of reader.batches()) all.push(...rows);
  return all;
}

it.each(Object.keys(FILES))('rows of %s are the same at their places as in a reading of all', async (name) => {
  const path = join(dir, name);
  writeFileSync(path, FILES[name]!);
  const usable = (await readAll(path)).filter(({ value }) => value !== undefined);
  // Out of order, as a sample is.
  const rows = usable.map((_, at) => usable[(at * 17) % usable.length]!).slice(0, 4000);
  const places = rows.map(({ line, place = line }) => place);

  const found = await (await openReader(path)).index!();
  const again = await (await openReader(path)).index!(found.starts);
  for (const index of [found, again]) {
    const read: ReadRow[] = [];
    for await (const batch of index.read(places)) read.push(...batch);
    expect(read).toEqual(rows);
  }
  expect(rows.length).toBeGreaterThan(15);
});

it('a JSON file of columns has no index', async () => {
  const path = join(dir, 'columns.json');
  writeFileSync(path, JSON.stringify({ question: ['a', 'b'], answer: ['c', 'd'] }));
  expect(await openReader(path)).not.toHaveProperty('index');
});
