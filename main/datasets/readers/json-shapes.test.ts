import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReadRow } from '../types.ts';
import { openReader } from './index.ts';
import type { SplitPart } from './json-shape.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forja-shapes-'));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function read(content: unknown, { part, name = 'a.json' }: { part?: SplitPart; name?: string } = {}) {
  const path = join(dir, name);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content, null, 2));
  const reader = await openReader(path, part);
  const rows: ReadRow[] = [];
  for await (const batch of reader.batches()) rows.push(...batch.rows);
  return { shape: reader.shape, values: rows.map((row) => row.refusal?.code ?? row.value), rows };
}

const chat = (question: string) => ({
  messages: [
    { role: 'user', content: question },
    { role: 'assistant', content: `${question}!` },
  ],
});
const red = { prompt: 'Red stamp?', completion: 'Tray one.' };
const blue = { prompt: 'Blue stamp?', completion: 'Tray two.' };

describe('a JSON file is read as what it is', () => {
  it.each([
    ['one object is one row', { system: 'You sort mail.', ...chat('Where?') }],
    ['with nothing but turns', chat('Where?')],
    ['with a list that comes before the turns', { tags: ['a'], ...chat('Where?') }],
    ['with lists of objects beside prompt and completion', { ...red, data: [{ a: 1 }] }],
    ['of unknown columns', { foo: 'a', bar: 2 }],
  ])('%s', async (_, value) => {
    for (const text of [JSON.stringify(value), JSON.stringify(value, null, 2)]) {
      const { shape, values } = await read(text);
      expect(values).toEqual([value]);
      if (text.includes('\n')) expect(shape).toEqual({ kind: 'objects' });
    }
  });

  it('objects one after another over several lines, with or without commas', async () => {
    const objects = [chat('a'), chat('b'), { text: '} { "' }];
    for (const between of ['\n', '', ',\n', '\r\n\r\n']) {
      const text = objects.map((value) => JSON.stringify(value, null, 1)).join(between);
      for (const name of ['a.json', 'a.jsonl']) {
        const { values, rows } = await read(text, { name });
        expect(values).toEqual(objects);
        expect(rows[0]!.line).toBe(1);
      }
    }
  });

  it('refuses only the broken one of several objects', async () => {
    const { values, rows } = await read('{\n"a": 1\n}\n{\n"a": 1,\n}\n{\n"a": 2\n}\n');
    expect(values).toEqual([{ a: 1 }, 'invalid_json', { a: 2 }]);
    expect(rows.map(({ line }) => line)).toEqual([1, 4, 7]);
  });

  it('a dictionary of rows', async () => {
    const { shape, values, rows } = await read({ c1: chat('ping'), 'c"2': chat('tick') });
    expect(shape).toEqual({ kind: 'entries' });
    expect(values).toEqual([chat('ping'), chat('tick')]);
    expect(rows.map(({ line }) => line)).toEqual([2, 14]);
    const numbered = await read({ 0: red, 1: blue });
    expect(numbered.values).toEqual([red, blue]);
  });

  it('columns, by lists or by row numbers', async () => {
    const turns = [chat('open').messages, chat('close').messages];
    const rows = [
      { conversation: turns[0], id: 'a' },
      { conversation: turns[1], id: 'b' },
    ];
    for (const value of [
      { conversation: turns, id: ['a', 'b'] },
      { conversation: { 0: turns[0], 1: turns[1] }, id: { 0: 'a', 1: 'b' } },
      {
        columns: ['conversation', 'id'],
        index: [0, 1],
        data: [
          [turns[0], 'a'],
          [turns[1], 'b'],
        ],
      },
    ]) {
      const { shape, values } = await read(value);
      expect(shape).toEqual({ kind: 'columns' });
      expect(values).toEqual(rows);
    }
  });

  it('the list that is the rows by its name, whatever comes before it', async () => {
    const { shape, values, rows } = await read({
      version: '1.2',
      tags: ['mail', 'sorting'],
      contributors: [{ text: 'Ada', year: 2020 }],
      data: [red, blue],
      after: { x: [{}] },
    });
    expect(values).toEqual([red, blue]);
    expect(rows[0]!.line).toBe(14);
    expect(shape).toEqual({
      kind: 'named',
      list: 'data',
      not_read: ['version', 'tags', 'contributors', 'after'],
      other_lists: [{ name: 'contributors', rows: 1 }],
    });
    // Lists of one length are no columns where one of them is the rows.
    expect((await read({ contributors: [{ text: 'Ada' }], tags: ['x'], data: [red] })).values).toEqual([red]);
    expect((await read({ conversations: [chat('a'), chat('b')] })).values).toEqual([chat('a'), chat('b')]);
    expect((await read({ about: 'é'.repeat(300_000), orders: [red, blue] })).values).toEqual([red, blue]);
  });

  it('the train split, and the validation split where that is asked for', async () => {
    const splits = { train: [{ question: '1+1', answer: '2' }], test: [{ question: '2+2', answer: '4' }, red] };
    const train = await read(splits);
    expect(train.values).toEqual(splits.train);
    expect(train.shape).toEqual({
      kind: 'named',
      list: 'train',
      not_read: ['test'],
      other_lists: [{ name: 'test', rows: 2 }],
      validation: 'test',
    });
    expect((await read(splits, { part: 'validation' })).values).toEqual(splits.test);
  });

  it.each([
    ['lists of which none is the rows by its name', { easy: [red], hard: [blue] }, /"easy" \(1\), "hard" \(1\)/],
    ['columns of different lengths', { prompt: ['a', 'b'], completion: ['c'] }, /"prompt" 2, "completion" 1/],
  ])('or refused: %s', async (_, value, message) => {
    await expect(read(value)).rejects.toMatchObject({
      code: 'dataset_shape_unclear',
      message: expect.stringMatching(message) as string,
    });
  });

  it('refuses what is cut off, and keeps what came before', async () => {
    expect(
      (await read('{"version": 1,\n"data": [\n{"prompt": "a", "completion": "b"},\n{"prompt": "c"')).values,
    ).toEqual([{ prompt: 'a', completion: 'b' }, 'invalid_json']);
    expect((await read('{"a": {"prompt": "x"},\n"b": {"prompt"')).values).toEqual([{ prompt: 'x' }, 'invalid_json']);
    expect((await read('{"prompt": ["a", "b"],\n"completion": ["c", "d"')).values).toEqual(['invalid_json']);
  });

  it('tells nothing of a broken row’s text, wherever it breaks', async () => {
    const secret = 'hunter2';
    for (const text of [
      `{"a": ${secret}}`,
      `{"a": "x", ${secret}}`,
      `{"b": "${'x'.repeat(80)}" ${secret} ${'y'.repeat(80)}`,
      secret,
      `{"a": "${secret}`,
      `{"a": "\\q${secret}"}`,
      `{"a": 01${secret}}`,
    ]) {
      const { rows } = await read(`{"a": 1}\n${text}\n{"a": 2}\n`, { name: 'a.jsonl' });
      expect(rows[1]!.refusal!.code).toBe('invalid_json');
      expect(rows[1]!.refusal!.message).not.toMatch(/hunter|xx|yy/);
    }
  });
});
