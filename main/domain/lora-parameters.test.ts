import { expect, test } from 'vitest';
import { loraParameters, TARGET_MODULES } from './lora-parameters.ts';

const smollm2 = { n_layer: 30, n_embd: 576, n_head: 9, n_head_kv: 3, n_ff: 1536 };

test('SmolLM2-135M, rank 16, all linear layers: the number PEFT prints', () => {
  // get_peft_model(HuggingFaceTB/SmolLM2-135M, r=16, all-linear).print_trainable_parameters() -> 4,884,480
  expect(loraParameters(smollm2, TARGET_MODULES, 16)).toBe(4_884_480);
});

test('q and v alone', () => {
  expect(loraParameters(smollm2, ['q', 'v'], 8)).toBe(30 * 8 * (576 + 576 + 576 + 192));
});

test('a head width other than n_embd / n_head counts in q and o', () => {
  const sizes = { n_layer: 1, n_embd: 8, n_head: 2, n_head_kv: 1, n_ff: 16, n_embd_head: 8 };
  expect(loraParameters(sizes, ['q', 'k', 'o'], 1)).toBe(8 + 16 + (8 + 8) + (16 + 8));
});

test('fused layers are adapted once however many of their parts are named', () => {
  const sizes = { n_layer: 2, n_embd: 8, n_head: 2, n_head_kv: 1, n_ff: 16, has_fused_layers: true };
  expect(loraParameters(sizes, ['q', 'k', 'v'], 4)).toBe(2 * 4 * (8 + 16));
  expect(loraParameters(sizes, ['gate'], 4)).toBe(2 * 4 * (8 + 32));
});
