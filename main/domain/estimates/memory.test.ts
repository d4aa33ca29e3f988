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
  lora_rank: 16,
  target_modules: TARGET_MODULES,
  max_seq_len: 512,
  micro_batch_size: 1,
  gradient_accumulation_steps: 1,
  activation_budget_bytes: -1,
  device: 'cpu',
  ...over,
});

describe("the trainer's measured peak, within 15 %", () => {
  // `bench` jobs on Linux x64 with two threads; they write no checkpoint, which is 8 bytes a trainable parameter.
  test.each([
    ['SmolLM2 Q4_1', smollm2(Q4_1), { max_seq_len: 512 }, 363_073_536],
    ['SmolLM2 Q4_1', smollm2(Q4_1), { max_seq_len: 256 }, 346_488_832],
    ['SmolLM2 Q4_1', smollm2(Q4_1), { max_seq_len: 256, activation_budget_bytes: 0 }, 263_548_928],
    ['SmolLM2 Q4_1', smollm2(Q4_1), { max_seq_len: 128, lora_rank: 64 }, 526_835_712],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 128, micro_batch_size: 2 }, 392_458_240],
    ['SmolLM2 Q4_1', smollm2(Q4_1), { max_seq_len: 1024, lora_rank: 8 }, 363_487_232],
    ['SmolLM2 Q4_1', smollm2(Q4_1), { max_seq_len: 64, lora_rank: 8 }, 202_838_016],
    ['SmolLM2 Q4_1', smollm2(Q4_1), { max_seq_len: 512, micro_batch_size: 2, activation_budget_bytes: 0 }, 283_832_320],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 256, lora_rank: 32, micro_batch_size: 2 }, 489_095_168],
    ['SmolLM2 F16', smollm2(F16), { max_seq_len: 128, lora_rank: 8 }, 423_219_200],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 256, micro_batch_size: 1, lora_rank: 8 }, 352_952_320],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 256, micro_batch_size: 1, lora_rank: 16 }, 392_781_824],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 256, micro_batch_size: 4, lora_rank: 8 }, 369_872_896],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 256, micro_batch_size: 4, lora_rank: 16 }, 409_300_992],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 512, micro_batch_size: 1, lora_rank: 8 }, 369_684_480],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 512, micro_batch_size: 4, lora_rank: 8 }, 369_803_264],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 1024, micro_batch_size: 1, lora_rank: 8 }, 409_841_664],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 1024, micro_batch_size: 1, lora_rank: 16 }, 449_642_496],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 1024, micro_batch_size: 4, lora_rank: 8 }, 409_702_400],
    ['SmolLM2 Q8_0', smollm2(Q8_0), { max_seq_len: 1024, micro_batch_size: 4, lora_rank: 16 }, 449_642_496],
    ['SmolLM2 Q4_K_M', smollm2(Q4_K_M), { max_seq_len: 256, micro_batch_size: 1, lora_rank: 8 }, 313_556_992],
    ['SmolLM2 Q4_K_M', smollm2(Q4_K_M), { max_seq_len: 256, micro_batch_size: 1, lora_rank: 16 }, 353_476_608],
    ['SmolLM2 Q4_K_M', smollm2(Q4_K_M), { max_seq_len: 256, micro_batch_size: 4, lora_rank: 8 }, 330_842_112],
    ['SmolLM2 Q4_K_M', smollm2(Q4_K_M), { max_seq_len: 256, micro_batch_size: 4, lora_rank: 16 }, 370_647_040],
    ['SmolLM2 Q4_K_M', smollm2(Q4_K_M), { max_seq_len: 512, micro_batch_size: 1, lora_rank: 8 }, 331_034_624],
    ['SmolLM2 Q4_K_M', smollm2(Q4_K_M), { max_seq_len: 512, micro_batch_size: 4, lora_rank: 8 }, 331_046_912],
    ['SmolLM2 Q4_K_M', smollm2(Q4_K_M), { max_seq_len: 1024, micro_batch_size: 1, lora_rank: 8 }, 370_839_552],
    ['SmolLM2 Q4_K_M', smollm2(Q4_K_M), { max_seq_len: 1024, micro_batch_size: 1, lora_rank: 16 }, 410_619_904],
    ['tiny', tiny, { max_seq_len: 128 }, 26_230_784],
    ['tiny', tiny, { max_seq_len: 2048, activation_budget_bytes: 0 }, 26_226_688],
    ['tiny', tiny, { max_seq_len: 4096, activation_budget_bytes: 0 }, 36_200_448],
  ] as const)('%s %$', (_, model, over, measured) => {
    const { total_bytes, adapter_bytes } = estimateMemory(model, settings(over), null);
    const estimated = total_bytes - adapter_bytes / 3;
    expect(estimated / measured).toBeGreaterThan(0.85);
    expect(estimated / measured).toBeLessThan(1.15);
  });
});

describe("a whole run's peak, checkpoint included, from the lengths of its rows, within 15 %", () => {
  // `forja train` on SmolLM2 Q4_1, Linux x64: the sample orders, every row cut at 64 tokens; and rows of about 40 tokens, so that
  // the rows of a step share a pass.
  const orders = { rows: 87, tokens: 7391, supervised_tokens: 2948, max_tokens: 94 };
  const short = { rows: 200, tokens: 7696, supervised_tokens: 3454, max_tokens: 44 };
  test.each([
    [orders, { max_seq_len: 64, lora_rank: 8 }, 224_980_992],
    [short, { lora_rank: 8 }, 213_061_632],
    [short, { lora_rank: 8, gradient_accumulation_steps: 8 }, 348_192_768],
    [short, { lora_rank: 16, gradient_accumulation_steps: 8 }, 388_378_624],
    [short, { lora_rank: 8, gradient_accumulation_steps: 16 }, 361_377_792],
    [short, { lora_rank: 8, gradient_accumulation_steps: 8, micro_batch_size: 2 }, 361_541_632],
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
    const onGpu = { ...large, device: 'Vulkan0' };
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
