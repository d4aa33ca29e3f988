import { describe, expect, test } from 'vitest';
import { TARGET_MODULES } from '../lora-parameters.ts';
import { adviseMemory } from './advice.ts';
import { estimateFullMemory, estimateMemory, type MemorySettings, type TrainedModel } from './memory.ts';

const smollm2 = (file_size_bytes: number): TrainedModel => ({
  n_layer: 30,
  n_embd: 576,
  n_head: 9,
  n_head_kv: 3,
  n_ff: 1536,
  n_vocab: 49152,
  n_params: 134_515_008,
  file_size_bytes,
});
const Q4_1 = 98_362_432;
const Q8_0 = 144_811_072;
const Q4_K_M = 105_454_144;
const F16 = 270_885_952;
const tiny: TrainedModel = {
  n_layer: 2,
  n_embd: 64,
  n_head: 4,
  n_head_kv: 2,
  n_ff: 96,
  n_vocab: 320,
  n_params: 102_720,
  file_size_bytes: 419_904,
};
const settings = (over: Partial<MemorySettings> = {}): MemorySettings => ({
  method: 'lora',
  objective: 'sft',
  lora_rank: 16,
  target_modules: TARGET_MODULES,
  max_seq_len: 512,
  micro_batch_size: 1,
  gradient_accumulation_steps: 1,
  activation_budget_bytes: -1,
  on_cpu: true,
  ...over,
});

/** Four blocks at the sizes of Qwen3.5-0.8B and LFM2-1.2B, random weights, as the catalogue reads them: rank 16, every layer. */
const layersOf = (n: number, n_in: number, n_out: number) =>
  Array.from({ length: n }, () => ({ roles: ['q', 'k', 'v', 'o', 'gate', 'up', 'down'], n_in, n_out }));
const qwen35: TrainedModel = {
  n_layer: 4,
  n_embd: 1024,
  n_head: 8,
  n_head_kv: 2,
  n_embd_head: 512,
  n_ff: 3584,
  n_vocab: 49152,
  n_params: 133_351_392,
  file_size_bytes: 143_705_056,
  linear_layers: [
    ...[layersOf(3, 1024, 6144), layersOf(3, 1024, 2048), layersOf(6, 1024, 16), layersOf(3, 2048, 1024)],
    ...[layersOf(1, 1024, 4096), layersOf(2, 1024, 512), layersOf(1, 2048, 1024)],
    ...[layersOf(8, 1024, 3584), layersOf(4, 3584, 1024)],
  ].flat(),
};
const lfm2: TrainedModel = {
  n_layer: 4,
  n_embd: 2048,
  n_head: 32,
  n_head_kv: 32,
  n_ff: 8192,
  n_vocab: 49152,
  n_params: 362_844_288,
  file_size_bytes: 387_402_016,
  linear_layers: [
    ...[layersOf(3, 2048, 6144), layersOf(5, 2048, 2048), layersOf(2, 2048, 512)],
    ...[layersOf(8, 2048, 8192), layersOf(4, 8192, 2048)],
  ].flat(),
};

describe("the trainer's measured peak, within 15 %", () => {
  // `bench` jobs on Linux x64 with two threads; they write no checkpoint, which is 8 bytes a trainable parameter.
  test.each([
    ['SmolLM2 Q4_1', smollm2(Q4_1), { max_seq_len: 512 }, 363_798_528],
    ['four blocks of a delta net', qwen35, { max_seq_len: 512 }, 359_964_672],
    ['four blocks of short convolutions', lfm2, { max_seq_len: 512 }, 663_257_088],
    ['SmolLM2 Q4_1', smollm2(Q4_1), { max_seq_len: 256 }, 346_812_416],
    ['SmolLM2 Q4_1', smollm2(Q4_1), { max_seq_len: 256, activation_budget_bytes: 0 }, 264_126_464],
    ['SmolLM2 Q4_1', smollm2(Q4_1), { max_seq_len: 128, lora_rank: 64 }, 514_760_704],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 128, micro_batch_size: 2 }, 393_224_192],
    ['SmolLM2 Q4_1', smollm2(Q4_1), { max_seq_len: 1024, lora_rank: 8 }, 364_150_784],
    ['SmolLM2 Q4_1', smollm2(Q4_1), { max_seq_len: 64, lora_rank: 8 }, 196_685_824],
    ['SmolLM2 Q4_1', smollm2(Q4_1), { max_seq_len: 512, micro_batch_size: 2, activation_budget_bytes: 0 }, 284_364_800],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 256, lora_rank: 32, micro_batch_size: 2 }, 489_418_752],
    ['SmolLM2 F16', smollm2(F16), { max_seq_len: 128, lora_rank: 8 }, 410_497_024],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 256, micro_batch_size: 1, lora_rank: 8 }, 353_611_776],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 256, micro_batch_size: 1, lora_rank: 16 }, 393_441_280],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 256, micro_batch_size: 4, lora_rank: 8 }, 370_114_560],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 256, micro_batch_size: 4, lora_rank: 16 }, 409_927_680],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 512, micro_batch_size: 1, lora_rank: 8 }, 370_401_280],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 512, micro_batch_size: 4, lora_rank: 8 }, 370_462_720],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 1024, micro_batch_size: 1, lora_rank: 8 }, 410_697_728],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 1024, micro_batch_size: 1, lora_rank: 16 }, 450_375_680],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 1024, micro_batch_size: 4, lora_rank: 8 }, 410_722_304],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 1024, micro_batch_size: 4, lora_rank: 16 }, 450_514_944],
    ['SmolLM2 Q4_K_M', smollm2(Q4_K_M), { max_seq_len: 256, micro_batch_size: 1, lora_rank: 8 }, 314_380_288],
    ['SmolLM2 Q4_K_M', smollm2(Q4_K_M), { max_seq_len: 256, micro_batch_size: 1, lora_rank: 16 }, 353_976_320],
    ['SmolLM2 Q4_K_M', smollm2(Q4_K_M), { max_seq_len: 256, micro_batch_size: 4, lora_rank: 8 }, 331_821_056],
    ['SmolLM2 Q4_K_M', smollm2(Q4_K_M), { max_seq_len: 256, micro_batch_size: 4, lora_rank: 16 }, 371_478_528],
    ['SmolLM2 Q4_K_M', smollm2(Q4_K_M), { max_seq_len: 512, micro_batch_size: 1, lora_rank: 8 }, 331_862_016],
    ['SmolLM2 Q4_K_M', smollm2(Q4_K_M), { max_seq_len: 512, micro_batch_size: 4, lora_rank: 8 }, 331_886_592],
    ['SmolLM2 Q4_K_M', smollm2(Q4_K_M), { max_seq_len: 1024, micro_batch_size: 1, lora_rank: 8 }, 371_970_048],
    ['SmolLM2 Q4_K_M', smollm2(Q4_K_M), { max_seq_len: 1024, micro_batch_size: 1, lora_rank: 16 }, 411_582_464],
    ['tiny', tiny, { max_seq_len: 128 }, 26_140_672],
    ['tiny', tiny, { max_seq_len: 2048, activation_budget_bytes: 0 }, 26_140_672],
    ['tiny', tiny, { max_seq_len: 4096, activation_budget_bytes: 0 }, 36_220_928],
  ] as const)('%s %$', (_, model, over, measured) => {
    const { total_bytes, adapter_bytes } = estimateMemory(model, settings(over), null);
    const estimated = total_bytes - adapter_bytes / 3;
    expect(estimated / measured).toBeGreaterThan(0.85);
    expect(estimated / measured).toBeLessThan(1.15);
  });
});

describe("a whole run's peak, checkpoint included, from the lengths of its rows, within 15 %", () => {
  // `forja train` on SmolLM2 Q4_1, Linux x64, two threads: the sample orders, and rows that are shorter.
  const orders = { rows: 1200, tokens: 102_368, supervised_tokens: 40_767, max_tokens: 98 };
  const short = { rows: 200, tokens: 12_509, supervised_tokens: 4327, max_tokens: 65 };
  test.each([
    [orders, { max_seq_len: 64, lora_rank: 8 }, 198_713_344],
    [orders, { max_seq_len: 128, lora_rank: 8 }, 210_235_392],
    [short, { lora_rank: 8 }, 198_844_416],
    [short, { lora_rank: 8, gradient_accumulation_steps: 8 }, 321_069_056],
    [short, { lora_rank: 16, gradient_accumulation_steps: 8 }, 368_930_816],
    [short, { lora_rank: 8, gradient_accumulation_steps: 16 }, 322_383_872],
    [short, { lora_rank: 8, gradient_accumulation_steps: 8, micro_batch_size: 2 }, 322_580_480],
  ] as const)('%# %$', (rows, over, measured) => {
    const { total_bytes } = estimateMemory(smollm2(Q4_1), settings(over), rows);
    expect(total_bytes / measured).toBeGreaterThan(0.85);
    expect(total_bytes / measured).toBeLessThan(1.15);
  });
});

test('short rows need less than max_seq_len says', () => {
  const rows = { rows: 1000, tokens: 40_000, supervised_tokens: 20_000, max_tokens: 60 };
  const whole = estimateMemory(smollm2(Q4_1), settings(), null);
  const short = estimateMemory(smollm2(Q4_1), settings(), rows);
  expect(short.total_bytes).toBeLessThan(whole.total_bytes * 0.8);
  expect(short.weights_bytes + short.adapter_bytes + short.activations_bytes + short.other_bytes).toBe(
    short.total_bytes,
  );
});

test('short rows of a step share a pass, within what a whole row would need', () => {
  const rows = { rows: 1000, tokens: 40_000, supervised_tokens: 20_000, max_tokens: 60 };
  const alone = estimateMemory(smollm2(Q4_1), settings(), rows);
  const shared = estimateMemory(smollm2(Q4_1), settings({ gradient_accumulation_steps: 8 }), rows);
  const whole = estimateMemory(smollm2(Q4_1), settings(), null);
  expect(shared.activations_bytes).toBeGreaterThan(alone.activations_bytes * 2);
  expect(shared.activations_bytes).toBeLessThan(whole.activations_bytes);
});

test('a pair is two rows that share a pass', () => {
  const longest = 200;
  const rows = { rows: 100, tokens: 100 * longest, supervised_tokens: 50 * longest, max_tokens: longest };
  const pairs = { ...rows, tokens: 2 * rows.tokens, supervised_tokens: 2 * rows.supervised_tokens };
  const alone = estimateMemory(smollm2(Q4_1), settings(), rows);
  const twice = estimateMemory(smollm2(Q4_1), settings(), { ...pairs, max_tokens: 2 * longest });
  for (const objective of ['dpo', 'orpo'] as const) {
    const pair = estimateMemory(smollm2(Q4_1), settings({ objective }), pairs);
    expect(pair.activations_bytes).toBeGreaterThan(alone.activations_bytes * 1.2);
    expect(pair.activations_bytes / twice.activations_bytes).toBeCloseTo(1, 1);
  }
});

test('a deeper model needs no more for the inputs of blocks than the budget, on the CPU', () => {
  const deep = (n_layer: number) =>
    estimateMemory({ ...smollm2(Q4_1), n_layer, n_embd: 4096 }, settings({ activation_budget_bytes: 0 }), null)
      .activations_bytes;
  const slot = 4 * 4096 * 512;
  expect(deep(18) - deep(17)).toBe(slot);
  expect(Math.abs(deep(60) - deep(40))).toBeLessThanOrEqual(2 * slot);
});

test('training all weights takes 16 bytes a parameter', () => {
  const { weights_bytes, adapter_bytes } = estimateFullMemory(smollm2(Q4_1), settings(), null);
  expect(weights_bytes + adapter_bytes).toBe(16 * 134_515_008);
});

describe('advice', () => {
  const model = smollm2(Q4_1);
  const large = settings({ micro_batch_size: 4, max_seq_len: 1024, lora_rank: 64 });

  test('there is none when it fits', () => expect(adviseMemory(model, large, null, 8e9)).toEqual([]));

  test('what is enough alone comes first, with the highest value that fits', () => {
    const onGpu = { ...large, on_cpu: false };
    const now = estimateMemory(model, onGpu, null).total_bytes;
    const advice = adviseMemory(model, onGpu, null, now - 100e6);
    expect(advice[0]).toMatchObject({ setting: 'micro_batch_size', from: 4, to: 2, fits: true });
    for (const one of advice.filter(({ fits }) => fits)) expect(one.total_bytes).toBeLessThanOrEqual(now - 100e6);
  });

  test('on the CPU micro_batch_size is not named: long rows are computed one at a time', () => {
    const now = estimateMemory(model, large, null).total_bytes;
    const named = adviseMemory(model, large, null, now - 50e6).map(({ setting }) => setting);
    expect(named).toContain('max_seq_len');
    expect(named).not.toContain('micro_batch_size');
  });

  test('what does not fit whatever is lowered says how far it comes', () => {
    const advice = adviseMemory(model, large, null, 50e6);
    expect(advice.length).toBeGreaterThan(0);
    expect(advice.every(({ fits }) => !fits)).toBe(true);
  });
});
