import { expect, test } from 'vitest';
import { PRESETS } from './presets.ts';
import { judgeSettings, type JudgedRows, type JudgedSettings } from './setting-warnings.ts';

const usual: JudgedSettings = {
  lora_rank: 16,
  lora_alpha: 32,
  use_rslora: false,
  objective: 'sft',
  learning_rate: 2e-4,
  warmup_steps: 0,
  max_seq_len: 512,
  eval_steps: 0,
  micro_batch_size: 1,
  gradient_accumulation_steps: 4,
  epochs: 1,
  max_steps: 0,
};
const rows: JudgedRows = { rows: 1000, val_rows: 50, supervised_tokens: 50_000, max_tokens: 300 };
const codes = (over: Partial<JudgedSettings>, some: Partial<JudgedRows> | null = {}, n_ctx = 2048) =>
  judgeSettings({ ...usual, ...over }, 4_884_480, n_ctx, some === null ? null : { ...rows, ...some }).map(
    ({ code }) => code,
  );

test('the defaults and every preset are wise', () => {
  expect(codes({})).toEqual([]);
  expect(codes({}, null)).toEqual([]);
  for (const { values, id } of PRESETS) expect(codes(values, { supervised_tokens: 5e6 }), id).toEqual([]);
});

test.each([
  ['alpha_far_from_rank', { lora_alpha: 1 }, {}],
  ['alpha_far_from_rank', { lora_alpha: 256 }, {}],
  ['learning_rate_of_full_tuning', { learning_rate: 1e-5 }, {}],
  ['learning_rate_high', { learning_rate: 0.01 }, {}],
  ['learning_rate_high', { objective: 'dpo' }, {}],
  ['longer_than_context', { max_seq_len: 4096 }, { max_tokens: 4000 }],
  ['rank_beyond_data', {}, { supervised_tokens: 100 }],
  ['longer_than_rows', {}, { max_tokens: 60 }],
  ['warmup_beyond_run', { warmup_steps: 1000 }, {}],
  ['many_epochs', { epochs: 40 }, {}],
  ['few_steps', {}, { rows: 8 }],
  ['no_validation_rows', { eval_steps: 10 }, { val_rows: 0 }],
] as const)('%s', (code, over, some) => expect(codes(over, some)).toEqual([code]));

test('preferences are learned with a lower rate', () => {
  expect(codes({ objective: 'dpo', learning_rate: 2e-5 })).toEqual([]);
  expect(codes({ objective: 'orpo', learning_rate: 5e-6 })).toEqual([]);
});

test('with rsLoRA alpha may be anything', () => expect(codes({ use_rslora: true, lora_alpha: 1 })).toEqual([]));

test('each group of presets has one default', () => {
  for (const group of ['rank', 'learning_rate', 'effort']) {
    expect(PRESETS.filter((one) => one.group === group && one.is_default)).toHaveLength(1);
  }
});
