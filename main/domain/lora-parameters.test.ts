import { expect, test } from 'vitest';
import {
  hasOtherLayers,
  linearLayers,
  trainableParameters,
  TARGET_MODULES,
  type ModelSizes,
  type TargetModule,
} from './lora-parameters.ts';

const lora = (sizes: ModelSizes, target_modules: readonly TargetModule[], lora_rank: number) =>
  trainableParameters(sizes, { method: 'lora', target_modules, lora_rank });

const smollm2 = { n_layer: 30, n_embd: 576, n_head: 9, n_head_kv: 3, n_ff: 1536 };

test('SmolLM2-135M, rank 16, all linear layers: the number PEFT prints', () => {
  // get_peft_model(HuggingFaceTB/SmolLM2-135M, r=16, all-linear).print_trainable_parameters() -> 4,884,480
  expect(lora(smollm2, TARGET_MODULES, 16)).toBe(4_884_480);
});

test('q and v alone', () => {
  expect(lora(smollm2, ['q', 'v'], 8)).toBe(30 * 8 * (576 + 576 + 576 + 192));
});

test('a head width other than n_embd / n_head counts in q and o', () => {
  const sizes = { n_layer: 1, n_embd: 8, n_head: 2, n_head_kv: 1, n_ff: 16, n_embd_head: 8 };
  expect(lora(sizes, ['q', 'k', 'o'], 1)).toBe(8 + 16 + (8 + 8) + (16 + 8));
});

test('fused layers are adapted once however many of their parts are named', () => {
  const sizes = { n_layer: 2, n_embd: 8, n_head: 2, n_head_kv: 1, n_ff: 16, has_fused_layers: true };
  expect(lora(sizes, ['q', 'k', 'v'], 4)).toBe(2 * 4 * (8 + 16));
  expect(lora(sizes, ['gate'], 4)).toBe(2 * 4 * (8 + 32));
});

test('DoRA has a magnitude for each output besides', () => {
  const layers = { target_modules: ['q', 'v'], lora_rank: 8 } as const;
  const more = trainableParameters(smollm2, { method: 'dora', ...layers }) - lora(smollm2, ['q', 'v'], 8);
  expect(more).toBe(30 * (576 + 192));
});

/** A delta net, attention and a block for further tokens, as in a Qwen3.5 file. */
const hybrid = [
  { name: 'token_embd.weight', ne: [8, 100] },
  { name: 'blk.0.attn_norm.weight', ne: [8] },
  { name: 'blk.0.attn_qkv.weight', ne: [8, 24] },
  { name: 'blk.0.ssm_alpha.weight', ne: [8, 2] },
  { name: 'blk.0.ssm_conv1d.weight', ne: [4, 24] },
  { name: 'blk.0.ssm_out.weight', ne: [8, 8] },
  { name: 'blk.0.ffn_gate_inp.weight', ne: [8, 4] },
  { name: 'blk.0.ffn_gate_inp_shexp.weight', ne: [8] },
  { name: 'blk.0.ffn_gate_exps.weight', ne: [8, 16, 4] },
  { name: 'blk.0.ffn_up_shexp.weight', ne: [8, 16] },
  { name: 'blk.1.attn_q.weight', ne: [8, 16] },
  { name: 'blk.2.attn_q.weight', ne: [8, 16] },
  { name: 'blk.2.nextn.eh_proj.weight', ne: [16, 8] },
];

test('blocks that are not alike are counted layer by layer, without what nothing adapts', () => {
  const sizes = { ...smollm2, linear_layers: linearLayers(hybrid) };
  expect(lora(sizes, ['q'], 1)).toBe(8 + 24 + (8 + 16));
  expect(lora(sizes, ['o', 'up'], 1)).toBe(8 + 8 + (8 + 16));
  expect(lora(sizes, TARGET_MODULES, 1)).toBe(8 + 24 + (8 + 2) + (8 + 8) + (8 + 16) + (8 + 16));
});

test('a matrix of gate and up together answers to both', () => {
  const fused = [
    { name: 'blk.0.ffn_up.weight', ne: [8, 32] },
    { name: 'blk.0.ffn_down.weight', ne: [16, 8] },
  ];
  expect(lora({ ...smollm2, linear_layers: linearLayers(fused) }, ['gate'], 1)).toBe(8 + 32);
  expect(lora({ ...smollm2, linear_layers: linearLayers(fused) }, ['down'], 1)).toBe(16 + 8);
});

test('layers that the estimate of memory does not know are seen', () => {
  expect(hasOtherLayers(hybrid)).toBe(true);
  expect(hasOtherLayers(hybrid.filter(({ name }) => name.startsWith('blk.1.')))).toBe(false);
});
