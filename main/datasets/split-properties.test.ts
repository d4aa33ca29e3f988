/** What holds of every dataset: which rows are held out follows from the rows and the split's seed alone. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashSetOf } from './held-out-hashes.ts';
import { hashConversation, mix32 } from './hash.ts';
import { prepareTokens, type PrepareOptions } from './prepare.ts';
import { shuffled } from './sample.ts';
import { chatml } from './templates/example-templates.ts';
import { openTemplate } from './templates/index.ts';
import { RowCollector, type Written } from './testing/row-collector.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forja-split-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

interface Row {
  prompt: string;
  completion: string;
}

/** Rows with some that are equal, and texts that need quoting. @param world another one, other rows */
function makeRows(world: number, count: number): Row[] {
  return Array.from({ length: count }, (_, i) => {
    const key = mix32(world * 100_003 + i);
    // About one in eight says what one before it says.
    const id = key % 8 === 0 && i > 0 ? mix32(key) % i : i;
    return { prompt: `${world}: "q"${id},\nline é𝄞`, completion: `a${id} ${'x'.repeat(mix32(id) % 40)}` };
  });
}

const written = {
  jsonl: (rows: Row[]) => rows.map((row) => JSON.stringify(row)).join('\n'),
  json: (rows: Row[]) => JSON.stringify(rows),
  csv: (rows: Row[]) => {
    const quoted = (value: string) => `"${value.replaceAll('"', '""')}"`;
    return ['prompt,completion', ...rows.map((row) => `${quoted(row.prompt)},${quoted(row.completion)}`)].join('\n');
  },
};

const textOf = ({ segments }: Written) => segments.map(([text]) => text).join('');
const template = openTemplate(chatml);
const rendered = (row: Row) =>
  template
    .renderRow({ kind: 'chat', messages: messagesOf(row) })
    .map(([text]) => text)
    .join('');
const messagesOf = ({ prompt, completion }: Row) => [
  { role: 'user' as const, content: prompt },
  { role: 'assistant' as const, content: completion },
];

/** The texts of both sides, in the order in which the trainer gets them. */
async function split(rows: Row[], options: Partial<PrepareOptions> = {}, kind: keyof typeof written = 'jsonl') {
  const data_path = join(dir, `data.${kind}`);
  await writeFile(data_path, written[kind](rows));
  const collector = new RowCollector();
  const prepared = await prepareTokens({
    data_path,
    template,
    out_dir: join(dir, 'out'),
    startTokenizer: collector.start,
    val_share: 0.2,
    validation: { max_val_rows: 100_000 },
    ...options,
  });
  const texts = (path: string | null) => (path === null ? [] : collector.files.get(path)!.map(textOf));
  return {
    ...prepared,
    told: collector.told,
    split: prepared.audit.split!,
    train: texts(prepared.train_tokens_path),
    val: texts(prepared.val_tokens_path),
  };
}

/** The same work on a file below and on one above the size from which only some of the rows are read. */
const SIZES: [name: string, Partial<PrepareOptions>][] = [
  ['a file that is read whole', { enough_rows: 30, sample_from_bytes: Infinity }],
  ['a file that is sampled', { enough_rows: 30, sample_from_bytes: 0 }],
];
const WORLDS = [1, 2, 3];

describe.each(SIZES)('the held-out rows of %s', (_, size) => {
  it.each(WORLDS)(
    'are the same whatever else is asked for, and none of them is trained on (world %i)',
    async (world) => {
      const rows = makeRows(world, 500);
      const { val, split: said } = await split(rows);
      expect(said.held_out_rows).toBe(val.length);
      for (const options of [{}, { enough_rows: 3 }, { enough_rows: 200 }, { seed: 9 }, { max_refused_examples: 1 }]) {
        const other = await split(rows, { ...size, ...options });
        expect(other.val).toEqual(val);
        expect(other.train.filter((text) => val.includes(text))).toEqual([]);
        expect(other.split).toMatchObject({ held_out_rows: val.length, train_rows: 500 - val.length });
      }
      expect((await split(rows, { ...size, split_seed: 2 })).val).not.toEqual(val);
    },
  );

  it.each(WORLDS)('do not depend on the order of the file or on other rows (world %i)', async (world) => {
    const rows = makeRows(world, 400);
    const val = new Set((await split(rows, size)).val);
    const sorted = [...rows].sort((a, b) => (a.completion < b.completion ? -1 : 1));
    const mixed = [...shuffled(rows.length, 5)].map((at) => rows[at]!);
    for (const all of [sorted, mixed, [...makeRows(99, 150), ...rows], rows]) {
      expect((await split(all, size)).val.filter((text) => val.has(text)).length).toBeGreaterThanOrEqual(val.size);
    }
    const less = rows.slice(100, 300);
    const texts = new Set(less.map(rendered));
    expect(new Set((await split(less, size)).val)).toEqual(new Set([...val].filter((text) => texts.has(text))));
  });

  it('are the same of CSV and JSON as of JSONL', async () => {
    const rows = makeRows(4, 300);
    const { val, train } = await split(rows, size);
    for (const kind of ['csv', 'json'] as const) {
      const other = await split(rows, size, kind);
      expect(other.val).toEqual(val);
      expect(other.train).toEqual(train);
    }
  });

  it('come in one order, of which fewer are the beginning', async () => {
    const rows = makeRows(5, 400);
    const all = (await split(rows, size)).val;
    for (const max_val_rows of [1, 20, 50]) {
      const { val, split: said } = await split(rows, { ...size, validation: { max_val_rows } });
      expect(val).toEqual(all.slice(0, max_val_rows));
      expect(said).toMatchObject({ scored_rows: max_val_rows, held_out_rows: all.length });
    }
    // By rule a fifth of the work: 30 steps of 4 rows pay for 72 forward passes, in two validations: before the first step and at
    // the end.
    const byRule = await split(rows, { ...size, validation: { max_val_rows: 0, max_steps: 30, eval_steps: 30 } });
    expect(byRule.split.scored_rows).toBe(36);
  });

  it('are the share of the dataset that was asked for', async () => {
    const rows = Array.from({ length: 4000 }, (_, i) => ({ prompt: `q${i}`, completion: `a${i}` }));
    for (const val_share of [0.01, 0.1, 0.5]) {
      const { split: said } = await split(rows, { ...size, val_share });
      // Five standard deviations.
      const most = 5 * Math.sqrt(4000 * val_share * (1 - val_share));
      expect(Math.abs(said.held_out_rows - 4000 * val_share)).toBeLessThan(most);
    }
  });

  it('are remembered by their hashes, and an other run that learns them is told of it', async () => {
    const rows = makeRows(6, 300);
    const { held_out, val } = await split(rows, size);
    const remembered = hashSetOf(held_out);
    const isHeldOut = (row: Row) => remembered.has(hashConversation({ kind: 'chat', messages: messagesOf(row) }));
    for (const row of rows) expect(isHeldOut(row)).toBe(val.includes(rendered(row)));

    const again = await split(rows, { ...size, held_out_before: held_out });
    expect(again.audit.warnings).toEqual([]);
    const other = await split(rows, { ...size, split_seed: 2, held_out_before: held_out });
    const sides = await split(rows, { split_seed: 2 });
    const learned = sides.train.filter((text) => val.includes(text)).length;
    expect(other.audit.warnings).toMatchObject([{ code: 'held_out_rows_trained_on', details: { rows: learned } }]);
    // What neither of both has learned stays held out.
    const kept = hashSetOf(other.held_out);
    const learnedTexts = new Set(sides.train);
    for (const row of rows) {
      const wasHeldOut = val.includes(rendered(row)) || sides.val.includes(rendered(row));
      expect(kept.has(hashConversation({ kind: 'chat', messages: messagesOf(row) }))).toBe(
        wasHeldOut && !learnedTexts.has(rendered(row)),
      );
    }
  });
});

describe('a sample', () => {
  it('is told to the trainer with the rows that the dataset has to learn from', async () => {
    const rows = makeRows(7, 600);
    const { told, split: said, train } = await split(rows, { enough_rows: 30, sample_from_bytes: 0 });
    expect(train.length).toBe(30);
    expect(said.sampled_rows).toBe(30);
    expect(said.train_rows + said.held_out_rows).toBe(600);
    expect(told.filter((dataset_rows) => dataset_rows > 0)).toEqual([said.train_rows]);
  });

  it('of long texts counts windows, as the whole does', async () => {
    const data_path = join(dir, 'texts.jsonl');
    const texts = Array.from({ length: 200 }, (_, i) => JSON.stringify({ text: `${i} word `.repeat(60) }));
    await writeFile(data_path, texts.join('\n'));
    const options = { data_path, max_seq_len: 20, val_share: 0.3 };
    const whole = await split([], options);
    const some = await split([], { ...options, enough_rows: 50, sample_from_bytes: 0 });
    expect(some.val).toEqual(whole.val);
    expect(some.split.sampled_rows).toBeGreaterThanOrEqual(50);
    // An estimate: all texts have nearly as many windows.
    expect(Math.abs(some.split.train_rows / whole.split.train_rows - 1)).toBeLessThan(0.05);
  });

  it('is the same when what the file holds is known from before', async () => {
    const rows = makeRows(8, 15_000);
    const options = { enough_rows: 40, sample_from_bytes: 0, cache_dir: join(dir, 'cache') };
    const first = await split(rows, options);
    const data_path = join(dir, 'data.jsonl');
    const again = async (more: Partial<PrepareOptions> = {}) => {
      const collector = new RowCollector();
      let bytes = 0;
      const { audit } = await prepareTokens({
        data_path,
        template,
        out_dir: join(dir, 'out'),
        startTokenizer: collector.start,
        val_share: 0.2,
        validation: { max_val_rows: 100_000 },
        ...options,
        ...more,
        onProgress: ({ done }) => (bytes = Math.max(bytes, done)),
      });
      return { audit, bytes, texts: [...collector.files.values()].map((all) => all.map(textOf)) };
    };
    const known = await again();
    expect(known.bytes).toBe(0);
    expect(known.texts).toEqual([first.train, first.val]);
    expect(known.audit).toEqual(first.audit);
    // Another seed chooses out of what is known too.
    expect((await again({ split_seed: 3 })).audit.split!.held_out_rows).not.toBe(first.split.held_out_rows);
    // A file that was written to is read again.
    await writeFile(data_path, written.jsonl(rows.slice(1)));
    const changed = await again();
    expect(changed.bytes).toBeGreaterThan(1_000_000);
    expect(changed.audit.data.rows_read).toBe(14_999);
  });
});
