import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDataset, type DatasetRow } from './dataset.ts';
import { FieldCounts } from './field-counts.ts';
import type { ColumnMap } from './types.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forja-fields-'));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function open(rows: unknown[], columns: ColumnMap = {}) {
  const path = join(dir, 'data.jsonl');
  await writeFile(path, rows.map((row) => JSON.stringify(row)).join('\n'));
  const dataset = await openDataset({ path, columns });
  const read: DatasetRow[] = [];
  for await (const batch of dataset.batches()) read.push(...batch.rows);
  return { dataset, rows: read, codes: read.map((row) => row.refusal?.code ?? 'used') };
}

const messagesOf = (row: DatasetRow | undefined) =>
  row?.conversation?.kind === 'chat' ? row.conversation.messages : row?.refusal;
const unusedOf = (row: DatasetRow | undefined) => (row?.refusal === undefined ? row?.unused : undefined);

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });

describe('what changes the meaning of a row is used', () => {
  it('thoughts, under each of their names', async () => {
    const { rows } = await open(
      ['reasoning_content', 'thinking', 'reasoning'].map((name) => ({
        messages: [user('17*3?'), { ...assistant('51'), [name]: '17*3 = 51' }],
      })),
    );
    for (const row of rows) {
      expect(messagesOf(row)).toEqual([user('17*3?'), { ...assistant('51'), reasoning: '17*3 = 51' }]);
      expect(unusedOf(row)).toEqual([]);
    }
  });

  it('a row’s tools, as a list or as text, and the older functions', async () => {
    const tools = [{ type: 'function', function: { name: 'weather' } }];
    const messages = [user('a'), assistant('b')];
    const { rows } = await open([
      { messages, tools },
      { messages, tools: JSON.stringify(tools) },
      { messages, functions: [{ name: 'weather' }] },
      { messages, tools: [] },
      { messages, tools: 'weather' },
    ]);
    const found = rows.map((row) => (row.conversation?.kind === 'chat' ? row.conversation.tools : row.refusal?.code));
    expect(found).toEqual([tools, tools, tools, undefined, 'wrong_type']);
  });

  it('calls of tools, old and new and ShareGPT’s; an empty list is none', async () => {
    const expected = [{ type: 'function', function: { name: 'weather', arguments: { code: 'OSL' } } }];
    const given = { name: 'weather', arguments: '{"code": "OSL"}' };
    const { rows, codes } = await open([
      { messages: [user('?'), { ...assistant(''), tool_calls: [{ type: 'function', function: given }] }] },
      { messages: [user('?'), { role: 'assistant', content: null, function_call: given }] },
      {
        messages: [
          { ...user('hi'), tool_calls: null },
          { ...assistant('hello'), tool_calls: [] },
        ],
      },
      { messages: [user('?'), { ...assistant(''), tool_calls: [{ a: 1 }] }] },
    ]);
    expect(codes).toEqual(['used', 'used', 'used', 'wrong_type']);
    for (const row of rows.slice(0, 2))
      expect(messagesOf(row)).toEqual([user('?'), { ...assistant(''), tool_calls: expected }]);
    expect(messagesOf(rows[2])).toEqual([user('hi'), assistant('hello')]);
    expect(unusedOf(rows[2])).toEqual([]);

    const shareGpt = await open([
      {
        conversations: [
          { from: 'human', value: '?' },
          { from: 'function_call', value: JSON.stringify(given) },
          { from: 'observation', value: '4C' },
          { from: 'gpt', value: 'Four.' },
        ],
      },
    ]);
    expect(messagesOf(shareGpt.rows[0])).toEqual([
      user('?'),
      { ...assistant(''), tool_calls: expected },
      { role: 'tool', content: '4C' },
      assistant('Four.'),
    ]);
  });

  it('flags that say an answer is not learned', async () => {
    const flags = [{ train: false }, { loss: false }, { trainable: false }, { training: 'false' }, { weight: 0 }];
    const { rows, codes } = await open([
      ...flags.map((flag) => ({
        messages: [user('a'), { ...assistant('bad'), ...flag }, user('b'), assistant('good')],
      })),
      { messages: [user('a'), { ...assistant('good'), train: true, loss: null, weight: 1 }] },
      { messages: [user('a'), { ...assistant('bad'), train: false }] },
      { messages: [user('a'), { ...assistant('half'), weight: 0.5 }] },
    ]);
    for (const row of rows.slice(0, flags.length)) {
      expect(messagesOf(row)).toMatchObject([{}, { supervised: false }, {}, { content: 'good' }]);
      expect((messagesOf(row) as object[])[3]).not.toHaveProperty('supervised');
    }
    expect(codes.slice(flags.length)).toEqual(['used', 'no_answer', 'used']);
    expect(unusedOf(rows[flags.length])).toEqual([]);
    expect(unusedOf(rows[flags.length + 2])).toEqual(['messages[].weight']);
  });

  it('history as earlier turns', async () => {
    const history = [
      ['How tall is it?', '8,849 metres.'],
      ['Who says so?', 'The 2020 survey.'],
    ];
    const { rows, codes } = await open([
      { instruction: 'And in feet?', input: '', output: 'About 29,032 feet.', history },
      { instruction: 'a', input: '', output: 'b', history: [] },
      { instruction: 'a', input: '', output: 'b', history: ['How tall?'] },
    ]);
    expect(codes).toEqual(['used', 'used', 'wrong_type']);
    expect(messagesOf(rows[0])).toEqual([
      user('How tall is it?'),
      assistant('8,849 metres.'),
      user('Who says so?'),
      assistant('The 2020 survey.'),
      user('And in feet?'),
      assistant('About 29,032 feet.'),
    ]);
    expect(unusedOf(rows[0])).toEqual([]);
  });

  it('context beside question and answer, unless the person leaves it out', async () => {
    const row = { question: 'How many?', context: 'CREATE TABLE coach', answer: 'SELECT COUNT(*)' };
    const { rows } = await open([row]);
    expect(messagesOf(rows[0])).toEqual([user('How many?\n\nCREATE TABLE coach'), assistant('SELECT COUNT(*)')]);
    const left = await open([row], { input: '' });
    expect(messagesOf(left.rows[0])).toEqual([user('How many?'), assistant('SELECT COUNT(*)')]);
    expect(unusedOf(left.rows[0])).toEqual(['context']);
  });

  it('a label that says the answer is wrong', async () => {
    const row = { prompt: 'Name a bird.', completion: 'A trout.' };
    const { rows, codes } = await open([
      { ...row, label: true },
      { ...row, label: false },
      { ...row, label: 'False' },
      { ...row, label: 0 },
      { ...row, label: 'birds' },
    ]);
    expect(codes).toEqual(['used', 'labelled_wrong', 'labelled_wrong', 'used', 'used']);
    expect(rows.map(unusedOf)).toEqual([[], undefined, undefined, ['label'], ['label']]);
  });

  it('lists of turns as prompt and completion, of which the answer is learned', async () => {
    const { dataset, rows } = await open([
      { prompt: [user('a'), assistant('b'), user('c')], completion: [assistant('d')] },
      { prompt: [user('a')], completion: 'b' },
    ]);
    expect(dataset.format).toBe('prompt_completion');
    expect(messagesOf(rows[0])).toEqual([
      user('a'),
      { ...assistant('b'), supervised: false },
      user('c'),
      assistant('d'),
    ]);
    expect(messagesOf(rows[1])).toEqual([user('a'), assistant('b')]);
  });
});

describe('what is not used is named', () => {
  it('columns and fields that hold something', async () => {
    const { rows } = await open([
      { messages: [{ ...user('a'), name: 'Ada' }, assistant('b')], id: 7, source: '', tags: [] },
    ]);
    expect(unusedOf(rows[0])).toEqual(['id', 'messages[].name']);
  });

  it('with a question where it looks like it matters', () => {
    const counts = new FieldCounts();
    const value = {
      notes: 'A long note on what the answer has to take into account.',
      context: 'x',
      id: 'a'.repeat(80),
      extra: 'short',
    };
    for (let i = 0; i < 3; i++) counts.add(['notes', 'context', 'id', 'extra'], value);
    counts.add(['messages[].thought'], value);
    expect(counts.result()).toEqual([
      { field: 'notes', rows: 3, question: 'long_text' },
      { field: 'context', rows: 3, question: 'context' },
      { field: 'id', rows: 3, question: null },
      { field: 'extra', rows: 3, question: null },
      { field: 'messages[].thought', rows: 1, question: 'reasoning' },
    ]);
  });

  it('together where a file has names for values', () => {
    const counts = new FieldCounts();
    for (let i = 0; i < 2000; i++) counts.add([`key${i}`], {});
    expect(counts.result()).toHaveLength(501);
    expect(counts.result()[0]).toMatchObject({ field: '…', rows: 1500 });
  });
});

describe('what is no dataset of questions and answers is refused with what it is', () => {
  it.each([
    ['turns as rows', [user('ping'), assistant('pong')], 'dataset_turns_as_rows', /"role" beside "content"/],
    ['a wrong type', [{ prompt: ['a'], completion: 'b' }], 'dataset_format_unknown', /"prompt" is a list of text/],
    [
      'turns without roles',
      [{ messages: [{ a: 1 }] }],
      'dataset_format_unknown',
      /"messages" is a list of objects with a/,
    ],
  ])('%s', async (_, rows, code, message) => {
    await expect(open(rows)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  });
});
