import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { alpacaRows, expectRefusal, fixture, useWorkplace } from '../support/forja.ts';

const place = useWorkplace();
const audit = (data: string, ...more: string[]) =>
  place.forja('audit', '--model', fixture('llama-f32.gguf'), '--data', data, '--json', ...more);
const train = (data: string, out: string, ...more: string[]) =>
  place.forja(
    ...['train', '--model', fixture('llama-f32.gguf'), '--data', data, '--out', place.path(out), '--max-steps', '1'],
    ...['--threads', '1', '--json', ...more],
  );

describe('an audit', () => {
  test('counts rows, tokens, duplicates, and names refused rows by line and reason', async () => {
    const rows = alpacaRows(6).split('\n');
    const data = place.write(
      'mixed.jsonl',
      [...rows, rows[0], '{"instruction": "no end', '{"instruction":"x"}', ''].join('\n'),
    );
    const { code, last } = await audit(data);
    expect(code).toBe(0);
    expect(last).toMatchObject({
      format: 'alpaca',
      template: 'model',
      rows_read: 9,
      rows_used: 7,
      rows_refused: 2,
      duplicate_rows: 1,
      truncated_rows: 0,
      empty_rows: 0,
      refused: [
        { line: 8, code: 'invalid_json' },
        { line: 9, code: 'missing_column' },
      ],
    });
    expect(last.tokens).toBeGreaterThan(last.supervised_tokens as number);
    expect(last.max_tokens).toBeGreaterThanOrEqual(last.median_tokens as number);
  });

  test('for people, with the rows as the model sees them', async () => {
    const data = place.write('few.jsonl', alpacaRows(3));
    const { stdout } = await place.forja('audit', '--model', fixture('llama-f32.gguf'), '--data', data, '--preview');
    expect(stdout).toContain('3 read, 3 used, 0 refused');
    expect(stdout).toContain('⟦The sum is 1.');
  });

  test('rows longer than max_seq_len are cut, and those with nothing left to learn are counted', async () => {
    const long = JSON.stringify({ instruction: 'word '.repeat(200), output: 'short' });
    const cut = JSON.stringify({ instruction: 'a', output: 'word '.repeat(200) });
    const { last } = await audit(
      place.write('long.jsonl', [long, cut, alpacaRows(1)].join('\n')),
      '--max-seq-len',
      '128',
    );
    expect(last).toMatchObject({ truncated_rows: 2, empty_rows: 1 });
  });
});

describe('preferences', () => {
  const pair = (at: number) =>
    JSON.stringify({ prompt: `Add ${at} and 1.`, chosen: `The sum is ${at + 1}.`, rejected: `I will not say ${at}.` });
  const pairs = (count: number) => Array.from({ length: count }, (_, at) => pair(at)).join('\n');

  test('an audit counts pairs, shows both answers and names what teaches nothing', async () => {
    const same = JSON.stringify({ prompt: 'Why?', chosen: 'So.', rejected: 'So.' });
    const start = 'word '.repeat(60);
    const late = JSON.stringify({ prompt: 'Why?', chosen: `${start}yes`, rejected: `${start}no` });
    const data = place.write('pairs.jsonl', [pairs(4), same, late].join('\n'));
    const { code, last } = await audit(data, '--max-seq-len', '64');
    expect(code).toBe(0);
    expect(last).toMatchObject({
      format: 'preference',
      rows_used: 5,
      alike_pairs: 1,
      refused: [{ code: 'pair_equal' }],
    });
    expect((last.warnings as { code: string }[]).map((one) => one.code)).toContain('pairs_alike');
    const model = fixture('llama-f32.gguf');
    const { stdout } = await place.forja('audit', '--model', model, '--data', data, '--preview');
    expect(stdout).toContain('chosen answer');
    expect(stdout).toMatch(/rejected answer[^]*⟦I will not say 0\./);
  });

  test('dpo learns from them, with its figures in every step, and sft says what to do', async () => {
    const data = place.write('pairs.jsonl', pairs(12));
    const outcome = await train(data, 'dpo', '--objective', 'dpo', '--val-share', '0.3', '--max-steps', '3');
    expect(outcome.code).toBe(0);
    const [first, ...later] = outcome.events('step');
    expect(first!.train_loss).toBeCloseTo(Math.LN2, 5);
    expect(later).toHaveLength(2);
    expect(Object.keys(first!.metrics as object).sort()).toEqual([
      'reward_accuracy',
      'reward_chosen',
      'reward_margin',
      'reward_rejected',
    ]);
    expect(existsSync(place.path('dpo/reference.bin'))).toBe(true);
    expectRefusal(await train(data, 'sft'), 'dataset_preference_pairs', /prefers/);
    const answers = place.write('answers.jsonl', alpacaRows(4));
    expectRefusal(await train(answers, 'none', '--objective', 'dpo'), 'dataset_unfit_objective', /pairs of answers/);
  });
});

describe('a dataset that can not be used is refused, and leaves no folder', () => {
  test.each<[string, string | Buffer, string, RegExp]>([
    ['empty.jsonl', '', 'dataset_empty', /empty\.jsonl/],
    ['broken.jsonl', '{"instruction": \n{"output"\n', 'dataset_empty', /[Ll]ine 1/],
    ['no-columns.jsonl', '{"a": 1}\n', 'dataset_format_unknown', /no-columns\.jsonl/],
    ['latin1.jsonl', Buffer.from('{"instruction":"a\xf1o","output":"b"}\n', 'latin1'), 'dataset_empty', /UTF-8/],
    ['utf16.jsonl', Buffer.from('\ufeff{"instruction":"a","output":"b"}\n', 'utf16le'), 'dataset_encoding', /UTF-16/],
    ['rows.parquet', 'PAR1', 'dataset_kind_unsupported', /parquet/],
  ])('%s', async (name, content, error_code, message) => {
    const outcome = await train(place.write(name, content), 'never');
    expectRefusal(outcome, error_code, message);
    expect(existsSync(place.path('never'))).toBe(false);
  });

  test('a missing file', async () => {
    expectRefusal(await train(place.path('nowhere.jsonl'), 'never'), 'dataset_not_found', /nowhere\.jsonl/);
  });

  test('rows that are all longer than the context', async () => {
    const long = JSON.stringify({ instruction: 'word '.repeat(400), output: 'short' });
    const outcome = await train(place.write('too-long.jsonl', long), 'never', '--max-seq-len', '64');
    expectRefusal(outcome, 'dataset_empty', /max_seq_len/);
  });
});

describe('a model that can not be trained is refused', () => {
  test.each([
    ['bad-truncated.gguf', 'gguf_truncated', /ends too early/],
    ['bad-wrong-magic.gguf', 'gguf_bad_magic', /is not a GGUF file/],
    ['bad-unsupported-arch.gguf', 'architecture_unsupported', /mamba/],
    ['bad-missing-tensor.gguf', 'tensor_missing', /blk\.1\.ffn_down\.weight/],
    ['bad-nan-weights.gguf', 'weights_not_finite', /NaN/],
  ])('%s', async (name, error_code, message) => {
    const data = place.write('good.jsonl', alpacaRows(4));
    const args = [
      'train',
      '--model',
      fixture(name),
      '--data',
      data,
      '--out',
      place.path(`out-${name}`),
      '--max-steps',
      '1',
    ];
    const outcome = await place.forja(...args, '--threads', '1', '--json');
    expectRefusal(outcome, error_code, message);
    if (error_code === 'architecture_unsupported') expect(outcome.last.hint).toContain('another architecture');
    expect(existsSync(place.path(`out-${name}/adapter.gguf`))).toBe(false);
  });
});

/** A small file system of its own, where this machine lets us make one. */
function mountSmall(folder: string): boolean {
  mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=300k', 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('a full disk', () => {
  let isMounted = false;
  beforeAll(() => (isMounted = mountSmall(place.path('small'))));
  afterAll(() => {
    if (isMounted) execFileSync('umount', [place.path('small')]);
  });

  test('ends with its message, and leaves no half-written adapter or checkpoint', async (context) => {
    if (!isMounted) context.skip();
    const outcome = await train(place.write('good.jsonl', alpacaRows(4)), 'small/run', '--lora-rank', '64');
    expectRefusal(outcome, 'disk_full', /full|space/, 1);
    const left = readdirSync(place.path('small'), { recursive: true }) as string[];
    expect(left.filter((name) => name.endsWith('.gguf'))).toEqual([]);
  });
});
