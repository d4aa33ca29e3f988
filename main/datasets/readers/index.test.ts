import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReadRow } from '../types.ts';
import { openReader } from './index.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forja-readers-'));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function read(name: string, content: string | Buffer): Promise<ReadRow[]> {
  const path = join(dir, name);
  await writeFile(path, content);
  const rows: ReadRow[] = [];
  for await (const batch of (await openReader(path)).batches()) rows.push(...batch.rows);
  return rows;
}

/** Each row in short: its line and its value, or its line and why it was refused. */
const brief = (rows: ReadRow[]) => rows.map((row) => [row.line, row.refusal?.code ?? row.value]);

/** The same as one text: matchers are slow on tens of thousands of objects. */
const digest = (rows: ReadRow[]) => JSON.stringify(brief(rows));

describe('JSONL', () => {
  it('refuses broken lines by number and reads on', async () => {
    const lines = ['{"a":1}', '', '{"a":', '[1]', '7', 'null', '{"a":2}\r', '   ', '{"a":3}'];
    expect(brief(await read('a.jsonl', lines.join('\n')))).toEqual([
      [1, { a: 1 }],
      [3, 'invalid_json'],
      [4, 'not_an_object'],
      [5, 'not_an_object'],
      [6, 'not_an_object'],
      [7, { a: 2 }],
      [9, { a: 3 }],
    ]);
  });

  it('refuses only the line that is not UTF-8', async () => {
    const bad = Buffer.concat([Buffer.from('{"a":"caf'), Buffer.from([0xe9]), Buffer.from('"}\n')]);
    const rows = await read(
      'b.jsonl',
      Buffer.concat([Buffer.from('{"a":"café ☕ 𝄞"}\n'), bad, Buffer.from('{"a":"\\udc80 ok"}\n')]),
    );
    expect(brief(rows)).toEqual([
      [1, { a: 'café ☕ 𝄞' }],
      [2, 'invalid_utf8'],
      [3, { a: '\udc80 ok' }],
    ]);
  });

  it('does not repeat the row’s text in its reason', async () => {
    const [row] = await read('c.jsonl', '{"secret": hunter2}');
    expect(row!.refusal!.message).toMatch(/^Not valid JSON/);
    expect(row!.refusal!.message).not.toContain('hunter2');
  });

  it('takes a byte order mark, and a .json file that holds one object a line', async () => {
    expect(brief(await read('d.json', '\uFEFF{"a":1}\n{"a":2}\n'))).toEqual([
      [1, { a: 1 }],
      [2, { a: 2 }],
    ]);
  });

  it('counts lines and cuts characters right across the borders of chunks', async () => {
    // 5 bytes a character and filler of every length put borders inside characters and line ends.
    const lines = Array.from({ length: 3000 }, (_, i) => JSON.stringify({ i, text: '𝄞é'.repeat(i % 97) }));
    const rows = await read('e.jsonl', lines.join('\r\n'));
    expect(rows.length).toBe(lines.length);
    expect(digest(rows)).toBe(JSON.stringify(lines.map((line, i) => [i + 1, JSON.parse(line) as unknown])));
  });

  it('finds the same rows by their lines as by reading through', async () => {
    const bad = Buffer.concat([Buffer.from('{"a":"caf'), Buffer.from([0xe9]), Buffer.from('"}\r\n')]);
    const good = Array.from({ length: 700 }, (_, i) =>
      i % 9 === 0 ? '' : JSON.stringify({ i, text: 'é𝄞'.repeat(i) }),
    );
    for (const end of ['', '\n', '\r\n', '\n\n', '\n{"a":']) {
      const path = join(dir, 'g.jsonl');
      const parts = ['\uFEFF{"a":1}\r\n', bad, good.join('\n'), end].map((part) => Buffer.from(part));
      await writeFile(path, Buffer.concat(parts));
      const reader = await openReader(path);
      const through: ReadRow[] = [];
      for await (const { rows } of reader.batches()) through.push(...rows);
      const index = await reader.index!();
      const found: ReadRow[] = [];
      const numbers = Array.from({ length: index.starts.length - 1 }, (_, i) => i + 1);
      for await (const rows of index.read(numbers)) found.push(...rows);
      expect(digest(found)).toBe(digest(through));
      const backwards: ReadRow[] = [];
      for await (const rows of index.read(numbers.reverse())) backwards.push(...rows);
      expect(digest(backwards)).toBe(digest(through.reverse()));
    }
  });

  it('refuses a row of more than 16 million characters and goes on', async () => {
    const rows = await read('f.jsonl', `{"a":"${'x'.repeat(17 * 1024 * 1024)}"}\n{"a":1}\n`);
    expect(brief(rows)).toEqual([
      [1, 'row_too_long'],
      [2, { a: 1 }],
    ]);
  });
});

describe('JSON', () => {
  it('reads a list of objects with the line where each starts', async () => {
    const text = '[\n  {"a": "x, ] } \\" y"},\n  {\n    "a": [1, {"b": 2}]\n  }, {"a": 3}\n]\n';
    expect(brief(await read('a.json', text))).toEqual([
      [2, { a: 'x, ] } " y' }],
      [3, { a: [1, { b: 2 }] }],
      [5, { a: 3 }],
    ]);
  });

  it('refuses only what is broken', async () => {
    const text = '[{"a": 1},\n{"a": },\n{"a": "open\n},\n{"a": 2}, 5\n]';
    expect(brief(await read('b.json', text))).toEqual([
      [1, { a: 1 }],
      [2, 'invalid_json'],
      [3, 'invalid_json'],
      [5, { a: 2 }],
      [5, 'not_an_object'],
    ]);
  });

  it('says where a file that ends too early was open, and that text follows the end', async () => {
    expect(brief(await read('c.json', '[{"a": 1},\n{"a": '))).toEqual([
      [1, { a: 1 }],
      [2, 'invalid_json'],
    ]);
    expect(brief(await read('d.json', '[{"a": 1}\n'))).toEqual([
      [1, { a: 1 }],
      [2, 'invalid_json'],
    ]);
    expect(brief(await read('e.json', '[{"a": 1}]\nxyz'))).toEqual([
      [1, { a: 1 }],
      [2, 'invalid_json'],
    ]);
  });

  it('reads the list inside of an object, on one line or on many', async () => {
    const value = { 'about [1]': 'a "list" of [rows]', version: 2, data: [{ a: 1 }, { a: [2] }], more: { b: [3] } };
    expect(brief(await read('g.json', JSON.stringify(value, null, 2)))).toEqual([
      [5, { a: 1 }],
      [8, { a: [2] }],
    ]);
    expect(brief(await read('h.json', JSON.stringify({ data: value.data })))).toEqual([
      [1, { a: 1 }],
      [1, { a: [2] }],
    ]);
  });

  it('takes a .json file of one chat for one row', async () => {
    const chat = { messages: [{ role: 'user', content: 'Hi' }] };
    expect(brief(await read('i.json', JSON.stringify(chat)))).toEqual([[1, chat]]);
  });

  it('reads the same whatever the chunks', async () => {
    const values = Array.from({ length: 3000 }, (_, i) => ({ i, text: `"],{[${'é\\\n'.repeat(i % 71)}` }));
    const rows = await read('f.json', JSON.stringify(values, null, 2));
    expect(JSON.stringify(rows.map(({ value }) => value))).toBe(JSON.stringify(values));
    expect(rows[1]!.line).toBe(6);
  });
});

describe('CSV', () => {
  it('reads quoted line ends, delimiters and quotes, with physical line numbers', async () => {
    const text = '\uFEFFquestion,answer\r\n"a, b","c\r\nd ""e"""\r\n\r\nf,g\r\n"x\n\ny",z';
    expect(brief(await read('a.csv', text))).toEqual([
      [2, { question: 'a, b', answer: 'c\r\nd "e"' }],
      [5, { question: 'f', answer: 'g' }],
      [6, { question: 'x\n\ny', answer: 'z' }],
    ]);
  });

  it.each([';', '\t', '|'])('finds the delimiter %j', async (delimiter) => {
    const text = [`q${delimiter}a`, `one, two${delimiter}three`, `four${delimiter}five`].join('\n');
    expect(brief(await read('b.csv', text))).toEqual([
      [2, { q: 'one, two', a: 'three' }],
      [3, { q: 'four', a: 'five' }],
    ]);
  });

  it('finds the delimiter from the first line where the rows hold others', async () => {
    const html = '"<p style=""color:red; margin:0;"">\n<b>Total; due;</b> | x\n</p>",A receipt';
    expect(brief(await read('g.csv', `prompt,completion\n${html}`))).toEqual([
      [2, { prompt: '<p style="color:red; margin:0;">\n<b>Total; due;</b> | x\n</p>', completion: 'A receipt' }],
    ]);
    expect(brief(await read('h.csv', 'text;label\na, b, c;d, e, f\n'))).toEqual([
      [2, { text: 'a, b, c', label: 'd, e, f' }],
    ]);
    expect(brief(await read('i.csv', 'prompt\tcompletion\n'))).toEqual([]);
    expect(brief(await read('j.csv', 'text\na; b\n'))).toEqual([[2, { text: 'a; b' }]]);
  });

  it('reads lines that end with a carriage return alone, of every kind of file', async () => {
    expect(brief(await read('k.csv', 'prompt,completion\ra,b\rc,d'))).toEqual([
      [2, { prompt: 'a', completion: 'b' }],
      [3, { prompt: 'c', completion: 'd' }],
    ]);
    expect(brief(await read('k.jsonl', '{"a":1}\r{"a":2}\r'))).toEqual([
      [1, { a: 1 }],
      [2, { a: 2 }],
    ]);
    expect(brief(await read('k.txt', 'one\rtwo'))).toEqual([
      [1, { text: 'one' }],
      [2, { text: 'two' }],
    ]);
  });

  it('reads one column', async () => {
    expect(brief(await read('c.csv', 'text\nhello\nthere\n'))).toEqual([
      [2, { text: 'hello' }],
      [3, { text: 'there' }],
    ]);
  });

  it('refuses rows with too many fields, broken quotes and bytes that are not UTF-8', async () => {
    const text = Buffer.concat([
      Buffer.from('q,a\n1,2,3\n4\n"5"x,6\n'),
      Buffer.from([0x37, 0x2c, 0xff, 0x0a]),
      Buffer.from('8,9\n"never closed,10\n'),
    ]);
    expect(brief(await read('d.csv', text))).toEqual([
      [2, 'invalid_csv'],
      [3, { q: '4' }],
      [4, 'invalid_csv'],
      [5, 'invalid_utf8'],
      [6, { q: '8', a: '9' }],
      [7, 'invalid_csv'],
    ]);
  });

  it('reads on after each of many broken rows', async () => {
    const filler = ' and so on'.repeat(10);
    const lines = Array.from({ length: 6000 }, (_, i) =>
      i % 100 === 7 ? `"x"${i},"y"` : `q${i},"a${filler}\r\n${i}"`,
    );
    const rows = await read('f.csv', `q,a\r\n${lines.join('\r\n')}\r\n`);
    let line = 2;
    expect(rows.length).toBe(lines.length);
    const expected = lines.map((_, i) => {
      const isBroken = i % 100 === 7;
      const one = isBroken ? [line, 'invalid_csv'] : [line, { q: `q${i}`, a: `a${filler}\r\n${i}` }];
      line += isBroken ? 1 : 2;
      return one;
    });
    expect(digest(rows)).toBe(JSON.stringify(expected));
  });

  it('reads the same whatever the chunks', async () => {
    const fields = Array.from({ length: 6000 }, (_, i) => [
      `q${i}`,
      i % 7 === 0 ? `"a\n""${'é'.repeat(i % 501)}"` : `a${i}`,
    ]);
    const rows = await read('e.csv', `q,a\n${fields.map((row) => row.join(',')).join('\n')}`);
    expect(rows.length).toBe(fields.length);
    let line = 2;
    const expected = fields.map(([q], i) => {
      const a = i % 7 === 0 ? `a\n"${'é'.repeat(i % 501)}` : `a${i}`;
      const one = [line, { q, a }];
      line += i % 7 === 0 ? 2 : 1;
      return one;
    });
    expect(digest(rows)).toBe(JSON.stringify(expected));
  });
});

describe('plain text', () => {
  it('takes blocks between blank lines as rows', async () => {
    expect(brief(await read('a.txt', '\none\ntwo\r\n\r\n \nthree\n'))).toEqual([
      [2, { text: 'one\ntwo' }],
      [6, { text: 'three' }],
    ]);
  });

  it('takes lines as rows where no line is blank', async () => {
    expect(brief(await read('b.txt', 'one\ntwo\n'))).toEqual([
      [1, { text: 'one' }],
      [2, { text: 'two' }],
    ]);
  });
});

describe('files that are no datasets', () => {
  it.each([
    ['empty.jsonl', '', 'dataset_empty'],
    ['blank.csv', ' \n\n', 'dataset_empty'],
    ['utf16.csv', Buffer.from('\uFEFFa,b\n', 'utf16le'), 'dataset_encoding'],
    ['table.jsonl', Buffer.from('PAR1....'), 'dataset_kind_unsupported'],
    ['rows.jsonl', Buffer.from([0x1f, 0x8b, 8, 0]), 'dataset_kind_unsupported'],
    ['rows.exe', 'x', 'dataset_kind_unsupported'],
  ])('%s', async (name, content, code) => {
    await expect(read(name, content)).rejects.toMatchObject({ code });
  });

  it('a missing file and a folder', async () => {
    await expect(openReader(join(dir, 'none.jsonl'))).rejects.toMatchObject({ code: 'dataset_not_found' });
    await expect(openReader(dir)).rejects.toMatchObject({ code: 'dataset_unreadable' });
  });
});
