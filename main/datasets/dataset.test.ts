import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDataset, type DatasetRow, type OpenOptions } from './dataset.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forja-dataset-'));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function open(rows: unknown[], options: Omit<OpenOptions, 'path'> = {}) {
  const path = join(dir, 'data.jsonl');
  await writeFile(path, rows.map((row) => JSON.stringify(row)).join('\n'));
  const dataset = await openDataset({ path, ...options });
  const read: DatasetRow[] = [];
  for await (const batch of dataset.batches()) read.push(...batch.rows);
  return { dataset, rows: read };
}

const codes = (rows: DatasetRow[]) => rows.map((row) => row.refusal?.code ?? 'used');
const hi = [
  { role: 'user', content: 'Hi' },
  { role: 'assistant', content: 'Hello!' },
];

describe('formats are recognised', () => {
  it.each([
    ['alpaca', { instruction: 'Add', input: '2 2', output: '4' }],
    ['alpaca', { instruction: 'Add 2 and 2', output: '4' }],
    ['alpaca', { instruction: 'Add', context: '2 2', response: '4', category: 'maths' }],
    ['alpaca', { instruction: 'Add', input: '2 2', output: '4', text: 'Add 2 2 4', prompt: 'x', completion: 'y' }],
    ['messages', { messages: hi }],
    ['messages', { conversations: hi }],
    [
      'sharegpt',
      {
        conversations: [
          { from: 'human', value: 'Hi' },
          { from: 'gpt', value: 'Hello!' },
        ],
      },
    ],
    ['prompt_completion', { prompt: 'Hi', completion: 'Hello!' }],
    ['prompt_completion', { prompt: 'Hi', response: 'Hello!' }],
    ['prompt_completion', { question: 'Hi', answer: 'Hello!' }],
    ['text', { text: 'Once upon a time' }],
  ])('%s from %j', async (format, row) => {
    const { dataset, rows } = await open([row]);
    expect(dataset.format).toBe(format);
    expect(codes(rows)).toEqual(['used']);
  });

  it('by most of the first rows', async () => {
    const { dataset, rows } = await open([
      { text: 'stray' },
      { prompt: 'a', completion: 'b' },
      { prompt: 'c', completion: 'd' },
    ]);
    expect(dataset.format).toBe('prompt_completion');
    expect(dataset.format_reason).toBe('2 of the first 3 rows have "prompt" and "completion"');
    expect(codes(rows)).toEqual(['missing_column', 'used', 'used']);
  });

  it('or the columns are named to the person', async () => {
    await expect(open([{ foo: 1, bar: 2 }])).rejects.toMatchObject({
      code: 'dataset_format_unknown',
      details: { found: ['foo', 'bar'] },
    });
    await expect(open([{ text: 'a' }], { format: 'messages' })).rejects.toMatchObject({
      code: 'dataset_format_unknown',
    });
  });

  it('with columns that the person named', async () => {
    const columns = { prompt: 'frage', completion: 'antwort' };
    const { dataset, rows } = await open([{ frage: 'Hi', antwort: 'Hello!' }], { columns });
    expect(dataset.format).toBe('prompt_completion');
    expect(rows[0]!.conversation).toEqual({ kind: 'chat', messages: hi });
    await expect(open([{ a: 1 }], { columns: { text: 'b' } })).rejects.toMatchObject({
      code: 'dataset_column_missing',
    });
  });

  it('and can be asked for', async () => {
    const { dataset } = await open([{ instruction: 'a', output: 'b', text: 'c' }], { format: 'text' });
    expect(dataset.format).toBe('text');
  });
});

describe('rows become conversations', () => {
  it('Alpaca: the input follows the instruction, and blank ones vanish', async () => {
    const { rows } = await open([
      { instruction: 'Add', input: '2 2', output: '4' },
      { instruction: 'Add', input: ' ', output: '4', system: 'Rules' },
    ]);
    expect(rows[0]!.conversation).toEqual({
      kind: 'chat',
      messages: [
        { role: 'user', content: 'Add\n\n2 2' },
        { role: 'assistant', content: '4' },
      ],
      alpaca: { instruction: 'Add', input: '2 2' },
    });
    expect(rows[1]!.conversation).toMatchObject({
      messages: [{ role: 'system', content: 'Rules' }, { content: 'Add' }, { content: '4' }],
    });
  });

  it('messages: parts are joined, developer is system, weight 0 is context, the end without an answer goes', async () => {
    const { rows } = await open([
      {
        messages: [
          { role: 'developer', content: 'Rules' },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'H' },
              { type: 'text', text: 'i' },
            ],
          },
          { role: 'assistant', content: 'Hello!', weight: 0 },
          { role: 'user', content: 'More' },
          { role: 'assistant', content: 'Sure' },
          { role: 'user', content: 'Bye' },
        ],
      },
    ]);
    expect(rows[0]!.conversation).toEqual({
      kind: 'chat',
      dropped_turns: 1,
      messages: [
        { role: 'system', content: 'Rules' },
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello!', supervised: false },
        { role: 'user', content: 'More' },
        { role: 'assistant', content: 'Sure' },
      ],
    });
  });

  it('ShareGPT: a system column comes first', async () => {
    const conversations = [
      { from: 'human', value: 'Hi' },
      { from: 'gpt', value: 'Hello!' },
    ];
    const { rows } = await open([{ conversations, system: 'Rules' }]);
    expect(rows[0]!.conversation).toEqual({ kind: 'chat', messages: [{ role: 'system', content: 'Rules' }, ...hi] });
  });
});

describe('rows are refused with a reason', () => {
  it('Alpaca', async () => {
    const good = { instruction: 'a', input: '', output: 'b' };
    const { rows } = await open([
      good,
      { instruction: 'a' },
      { instruction: 'a', output: ' ' },
      { instruction: null, output: 'b' },
      { instruction: ['a'], output: 'b' },
      { instruction: 'a', output: { b: 1 } },
      { instruction: 'a', output: '\ud83d' },
      { instruction: 'a', output: 7 },
    ]);
    expect(codes(rows)).toEqual([
      'used',
      'missing_column',
      'empty_content',
      'missing_column',
      'wrong_type',
      'wrong_type',
      'invalid_utf8',
      'used',
    ]);
    expect(rows[4]!.refusal!.message).toBe('The column "instruction" must be text, this is a list.');
  });

  it('messages', async () => {
    const { rows } = await open([
      { messages: hi },
      { messages: [] },
      { messages: 'x' },
      { messages: [{ role: 'user', content: 'Hi' }] },
      { messages: [{ role: 'narrator', content: 'Hi' }, ...hi] },
      { messages: [{ role: 'constructor', content: 'Hi' }, ...hi] },
      { messages: [{ role: 'user', content: '' }, hi[1]] },
      { messages: [{ role: 'user', content: [{ type: 'image_url' }] }, hi[1]] },
      { messages: [hi[0], { role: 'assistant', content: null, tool_calls: [] }] },
      { messages: [hi[0], { role: 'assistant' }] },
      { messages: ['Hi', 'Hello!'] },
    ]);
    expect(codes(rows)).toEqual([
      'used',
      'empty_content',
      'wrong_type',
      'no_answer',
      'unsupported_role',
      'unsupported_role',
      'empty_content',
      'unsupported_content',
      'wrong_type',
      'wrong_type',
      'wrong_type',
    ]);
  });

  it('and a file of nothing else is an error', async () => {
    const path = join(dir, 'bad.jsonl');
    await writeFile(path, 'x\ny\n');
    await expect(openDataset({ path })).rejects.toMatchObject({
      code: 'dataset_empty',
      details: { refused_rows: 2, line: 1, reason: 'invalid_json' },
    });
  });
});
