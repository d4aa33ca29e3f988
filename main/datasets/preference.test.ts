import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDataset, type DatasetRow, type OpenOptions } from './dataset.ts';
import { hashConversation } from './hash.ts';
import { answersOf, tokenRow } from './row-renderer.ts';
import { openTemplate } from './templates/index.ts';
import type { ChatConversation } from './types.ts';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'forja-preference-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function open(rows: unknown[], options: Partial<OpenOptions> = {}) {
  const path = join(dir, 'data.jsonl');
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join('\n'));
  const dataset = await openDataset({ path, ...options });
  const read: DatasetRow[] = [];
  for await (const batch of dataset.batches()) read.push(...batch.rows);
  return { dataset, read };
}

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const chat = (row: DatasetRow | undefined) => row?.conversation as ChatConversation;
const contents = (turns: ChatConversation['messages'] | undefined) =>
  turns?.map(({ content, supervised }) => (supervised === false ? `(${content})` : content));

describe("TRL's forms of pairs", () => {
  it.each([
    ['text', { prompt: 'Why?', chosen: 'So.', rejected: 'No.' }],
    ['turns', { prompt: [user('Why?')], chosen: [assistant('So.')], rejected: [assistant('No.')] }],
    ['whole conversations', { chosen: [user('Why?'), assistant('So.')], rejected: [user('Why?'), assistant('No.')] }],
    [
      'whole conversations beside their prompt',
      { prompt: 'Why?', chosen: [user('Why?'), assistant('So.')], rejected: [user('Why?'), assistant('No.')] },
    ],
  ])('%s', async (_, row) => {
    const { dataset, read } = await open([row]);
    expect(dataset.format).toBe('preference');
    expect(contents(chat(read[0]).messages)).toEqual(['Why?', 'So.']);
    expect(contents(chat(read[0]).rejected)).toEqual(['Why?', 'No.']);
  });

  it('answers that both begin with are context', async () => {
    const before = [user('Hi'), assistant('Hello'), user('Why?')];
    const { read } = await open([{ chosen: [...before, assistant('So.')], rejected: [...before, assistant('No.')] }]);
    expect(contents(chat(read[0]).messages)).toEqual(['Hi', '(Hello)', 'Why?', 'So.']);
    expect(contents(chat(read[0]).rejected)).toEqual(['Hi', '(Hello)', 'Why?', 'No.']);
  });

  it('a pair is rendered twice, and its hash is of both answers', async () => {
    const { read } = await open([
      { prompt: 'Why?', chosen: 'So.', rejected: 'No.' },
      { prompt: 'Why?', chosen: 'So.', rejected: 'Never.' },
    ]);
    const template = openTemplate({ chat_template: null, bos_token: null, eos_token: '</s>' }, 'plain');
    const answers = answersOf(tokenRow(template, chat(read[0])));
    expect(answers.map(({ part }) => part)).toEqual(['chosen', 'rejected']);
    const learned = answers.map(({ segments }) =>
      segments
        .filter(([, mark]) => mark === 1)
        .map(([text]) => text)
        .join(''),
    );
    expect(learned[0]).toContain('So.');
    expect(learned[1]).toContain('No.');
    expect(hashConversation(chat(read[0]))).not.toEqual(hashConversation(chat(read[1])));
  });
});

describe('pairs that teach nothing are refused by name', () => {
  it.each([
    ['the same answer twice', { prompt: 'Why?', chosen: 'So. ', rejected: 'So.' }, 'pair_equal'],
    ['an empty answer', { prompt: 'Why?', chosen: 'So.', rejected: ' ' }, 'empty_content'],
    ['nothing that was asked', { chosen: 'So.', rejected: 'No.' }, 'missing_column'],
    [
      'no answer behind the common turns',
      { chosen: [user('Why?'), assistant('So.')], rejected: [user('Why?')] },
      'no_answer',
    ],
  ])('%s', async (_, row, code) => {
    const { read } = await open([{ prompt: 'a', chosen: 'b', rejected: 'c' }, row], { objective: 'dpo' });
    expect(read.map(({ refusal }) => refusal?.code)).toEqual([undefined, code]);
  });
});

describe('an objective and rows that do not fit', () => {
  const pairs = [{ prompt: 'a', chosen: 'b', rejected: 'c' }];
  const labelled = [
    { prompt: 'a', completion: 'b', label: true },
    { prompt: 'a', completion: 'c', label: false },
  ];
  it.each([
    ['pairs with sft', pairs, 'sft', 'dataset_preference_pairs', /which answers a person prefers/],
    ['answers with dpo', labelled, 'dpo', 'dataset_unfit_objective', /pairs of answers/],
    ['answers with orpo', labelled, 'orpo', 'dataset_unfit_objective', /pairs of answers/],
    ['pairs with kto', pairs, 'kto', 'dataset_unfit_objective', /marked as good or bad/],
    ['answers without marks with kto', [{ prompt: 'a', completion: 'b' }], 'kto', 'dataset_unfit_objective', /marked/],
  ] as const)('%s', async (_, rows, objective, code, message) => {
    await expect(open([...rows], { objective })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  it('marked answers are read with their marks for kto, and as answers to learn otherwise', async () => {
    const forKto = await open(labelled, { objective: 'kto' });
    expect(forKto.read.map((row) => chat(row).desirable)).toEqual([true, false]);
    const forSft = await open(labelled, { objective: 'sft' });
    expect(forSft.read.map(({ refusal }) => refusal?.code)).toEqual([undefined, 'labelled_wrong']);
  });
});
