import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prepareTokens, type PrepareOptions } from './prepare.ts';
import { chatml } from './templates/example-templates.ts';
import { openTemplate } from './templates/index.ts';
import { RowCollector, type Written } from './testing/row-collector.ts';
import type { StartTokenizer } from './types.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forja-prepare-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function prepare(lines: string[], options: Partial<PrepareOptions> = {}, collector = new RowCollector()) {
  const data_path = join(dir, 'data.jsonl');
  await writeFile(data_path, lines.join('\n'));
  const template = openTemplate(chatml);
  const prepared = await prepareTokens({
    data_path,
    template,
    out_dir: join(dir, 'out'),
    startTokenizer: collector.start,
    ...options,
  });
  return { ...prepared, collector, train: collector.files.get(prepared.train_tokens_path) ?? [] };
}

const row = (i: number) => JSON.stringify({ prompt: `q${i}`, completion: `a${i}` });

describe('prepareTokens', () => {
  it('hands every good row to the tokenizer and accounts for the rest', async () => {
    const { audit, train, val_tokens_path } = await prepare([row(1), '{', row(2), row(1), '{"prompt":"x"}', row(3)], {
      max_refused_examples: 1,
    });
    expect(train.map(({ row: line }) => line)).toEqual([1, 3, 4, 6]);
    expect(train[0]!.segments[1]).toEqual(['a1<|im_end|>', 1]);
    expect(val_tokens_path).toBeNull();
    expect(audit.data).toMatchObject({
      format: 'prompt_completion',
      rows_read: 6,
      rows_used: 4,
      rows_refused: 2,
      refused_by_code: { invalid_json: 1, missing_column: 1 },
      refused_examples: [{ line: 2, code: 'invalid_json' }],
      duplicate_rows: 1,
      duplicate_examples: [{ line: 4 }],
    });
    expect(audit.preview.map(({ line }) => line)).toEqual([1, 3]);
    expect(audit).toMatchObject({ template: 'model', train: { rows: 4 }, val: null, warnings: [] });
  });

  it('counts what of the rows is not used, asks about it, and names dropped turns', async () => {
    const turns = [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b', reasoning_content: 'so' },
    ];
    const lines = [
      { messages: turns, id: 1 },
      { messages: [...turns, turns[0]], id: 2 },
    ].map((value) => JSON.stringify(value));
    const { audit } = await prepare(lines);
    expect(audit.data.unused_fields).toEqual([
      { field: 'id', rows: 2, question: null },
      { field: 'messages[].reasoning', rows: 2, question: 'reasoning' },
    ]);
    expect(audit.data).toMatchObject({ rows_with_dropped_turns: 1, dropped_turns_line: 2 });
    expect(audit.warnings.map(({ code }) => code)).toEqual(['template_leaves_out', 'turns_dropped']);
  });

  it('validates on the other split of the same file', async () => {
    const data_path = join(dir, 'splits.json');
    const row = (question: string) => ({ question, answer: 'x' });
    await writeFile(data_path, JSON.stringify({ train: [row('1'), row('2')], validation: [row('3')] }));
    const { audit, collector, val_tokens_path } = await prepare([], { data_path, val_path: data_path });
    expect(audit.train.rows).toBe(2);
    expect(collector.files.get(val_tokens_path!)).toHaveLength(1);
  });

  it('gives examples of what it does not learn from, and the system prompt that all rows share', async () => {
    const told = (system: string, n: number) => JSON.stringify({ system, prompt: `p${n}`, completion: `a${n}` });
    const lines = Array.from({ length: 200 }, (_, n) => told('Be brief.', n));
    const { audit, train } = await prepare(lines, { val_share: 0.2 });
    expect(audit.system_prompt).toBe('Be brief.');
    expect(audit.examples).toHaveLength(16);
    const learned = new Set(train.map(({ row: line }) => line - 1));
    for (const { system, prompt, answer } of audit.examples) {
      expect(system).toBe('Be brief.');
      expect(answer).toBe(prompt.replace('p', 'a'));
      expect(learned.has(Number(prompt.slice(1)))).toBe(false);
    }
    const mixed = await prepare([...lines.slice(0, 5), told('Rhyme.', 5)]);
    expect(mixed.audit.system_prompt).toBeNull();
    // With nothing kept for validation they are of the rows that are learned.
    expect(mixed.audit.examples).toHaveLength(6);
  });

  it('takes no more rows of a large file than are enough, in an order that the seed gives, and audits all', async () => {
    const lines = Array.from({ length: 2000 }, (_, i) => (i % 4 === 0 ? '{' : i % 4 === 1 ? '' : row(i)));
    const take = async (seed: number, enough_rows: number) => {
      const options = { seed, enough_rows, sample_from_bytes: 0 };
      const { audit, train } = await prepare(lines, options);
      return { audit: audit.data, taken: train.map(({ row: line }) => line) };
    };
    const { audit, taken } = await take(1, 60);
    expect(taken).toHaveLength(60);
    expect(new Set(taken).size).toBe(60);
    expect(taken.every((line) => (line - 1) % 4 >= 2)).toBe(true);
    // What is said of the file is true of all of it.
    expect(audit).toMatchObject({ rows_read: 1500, rows_used: 1000, rows_refused: 500 });
    // From all over the file, alike for the same seed, and the beginning of a larger sample.
    expect(Math.max(...taken)).toBeGreaterThan(1500);
    expect(Math.min(...taken)).toBeLessThan(500);
    expect((await take(1, 60)).taken).toEqual(taken);
    expect((await take(1, 200)).taken.slice(0, 60)).toEqual(taken);
    expect((await take(2, 60)).taken).not.toEqual(taken);
  });

  it('says in the token file of how many rows a sample is, and tokenises small files whole', async () => {
    const lines = Array.from({ length: 300 }, (_, i) => row(i));
    const collector = new RowCollector();
    const told: (number | undefined)[] = [];
    const startTokenizer: StartTokenizer = (path, dataset_rows) => {
      told.push(dataset_rows);
      return collector.start(path);
    };
    const whole = { enough_rows: 10, startTokenizer };
    expect((await prepare(lines, { ...whole, sample_from_bytes: 0 })).audit.train.rows).toBe(10);
    expect((await prepare(lines, whole)).audit).toMatchObject({
      train: { rows: 300 },
      split: { train_rows: 300, sampled_rows: null },
    });
    expect((await prepare(lines, { ...whole, sample_from_bytes: 0, enough_rows: 300 })).audit.train.rows).toBe(300);
    const csv = join(dir, 'data.csv');
    await writeFile(csv, ['prompt,completion', ...lines.map((_, i) => `q${i},a${i}`)].join('\n'));
    const { audit } = await prepare([], { ...whole, data_path: csv, sample_from_bytes: 0 });
    expect(audit).toMatchObject({ train: { rows: 10 }, split: { train_rows: 300, sampled_rows: 10 } });
    expect(told).toEqual([300, 0, 0, 300]);
  });

  it('makes several rows of a long text, all on one side', async () => {
    const lines = Array.from({ length: 40 }, (_, i) => JSON.stringify({ text: `${i} word`.repeat(30) }));
    const { audit, train, collector, val_tokens_path } = await prepare(lines, { max_seq_len: 20, val_share: 0.3 });
    const val = collector.files.get(val_tokens_path!)!;
    const sides = new Map<number, Set<string>>();
    for (const [side, rows] of Object.entries({ train, val })) {
      for (const { row: line } of rows) sides.set(line, (sides.get(line) ?? new Set()).add(side));
    }
    expect(audit.data.rows_used).toBe(40);
    expect(train.length + val.length).toBeGreaterThan(100);
    expect([...sides.values()].every(({ size }) => size === 1)).toBe(true);
    const first = [...train, ...val].filter(({ row: line }) => line === 1).map(({ segments }) => segments[0]![0]);
    expect(first.join('')).toBe(`${'0 word'.repeat(30)}<|im_end|>`);
  });

  it('splits by seed, with equal rows on one side', async () => {
    const lines = Array.from({ length: 400 }, (_, i) => row(i % 200));
    const all = { val_share: 0.2, split_seed: 3, validation: { max_val_rows: 1000 } };
    const { collector, train, val_tokens_path, audit } = await prepare(lines, all);
    const val = collector.files.get(val_tokens_path!)!;
    expect(train.length + val.length).toBe(400);
    expect(val.length).toBeGreaterThan(40);
    expect(val.length).toBeLessThan(120);
    const text = (rows: Written[]) => new Set(rows.map(({ segments }) => JSON.stringify(segments)));
    expect([...text(val)].filter((one) => text(train).has(one))).toEqual([]);
    expect(audit.val!.rows).toBe(val.length);
    const again = await prepare(lines, all);
    expect(again.train).toEqual(train);
  });

  it('never lets validation take every row, and says when it got none', async () => {
    const told = new Set<string>();
    for (let split_seed = 0; split_seed < 20; split_seed++) {
      const { train, audit, val_tokens_path } = await prepare([row(1), row(1)], { val_share: 0.5, split_seed });
      expect(train.length).toBe(2);
      expect(val_tokens_path).toBeNull();
      told.add(audit.warnings.map(({ code }) => code).join());
    }
    expect([...told].sort()).toEqual(['val_split_all', 'val_split_empty']);
  });

  it('validates on a file, and warns of rows that are trained on too', async () => {
    const val_path = join(dir, 'val.jsonl');
    await writeFile(val_path, [row(2), row(9), 'x'].join('\n'));
    const { audit, collector, train, val_tokens_path } = await prepare([row(1), row(2)], { val_path, val_share: 0.5 });
    expect(train.length).toBe(2);
    expect(collector.files.get(val_tokens_path!)!.length).toBe(2);
    expect(audit.val_data).toMatchObject({ rows_used: 2, rows_refused: 1 });
    expect(audit.warnings).toMatchObject([{ code: 'val_rows_trained_on', details: { rows: 1 } }]);
  });

  it('waits for a slow tokenizer', async () => {
    const lines = Array.from({ length: 30_000 }, (_, i) => row(i));
    const { collector, train } = await prepare(lines);
    expect(train.length).toBe(30_000);
    // One batch, of 256 KiB of the file, is the most that ever waits; as rendered text it is some times larger.
    expect(collector.mostBuffered).toBeLessThan(4 * 1024 * 1024);
  });

  it('reports progress in bytes up to the whole', async () => {
    const seen: number[] = [];
    const { audit } = await prepare([row(1), row(2)], { onProgress: ({ done, total }) => seen.push(done / total) });
    expect(seen.at(-1)).toBe(1);
    expect(audit.data.size_bytes).toBe((await readFile(join(dir, 'data.jsonl'))).length);
  });

  it('stops when nothing is left, and names the first reason', async () => {
    const collector = new RowCollector();
    await expect(prepare([row(1).replace('a1', ' '), '{"prompt":3}'], {}, collector)).rejects.toMatchObject({
      code: 'dataset_empty',
      message: expect.stringContaining('all 2 rows were refused, the first on line 1') as string,
    });
    expect(collector.files.size).toBe(0);
  });

  it('passes on the trainer’s error, even while it waits for room', async () => {
    const failing: StartTokenizer = () => ({
      stdin: new Writable({ highWaterMark: 1, write: () => undefined }),
      result: Promise.reject(new Error('model_not_found')),
      kill: () => undefined,
    });
    await expect(prepare([row(1)], { startTokenizer: failing })).rejects.toThrow('model_not_found');
  });

  it('ends the processes when it is cancelled', async () => {
    const collector = new RowCollector();
    const controller = new AbortController();
    const lines = Array.from({ length: 30_000 }, (_, i) => row(i));
    const work = prepare(lines, { signal: controller.signal, onProgress: () => controller.abort() }, collector);
    await expect(work).rejects.toMatchObject({ code: 'dataset_cancelled' });
    expect(collector.killed).toBe(1);
  });
});
