import { expect, test } from 'vitest';
import type { GgufHeader, GgufTensor } from './gguf-header.ts';
import { OUTPUT_TYPES, outputBytes } from './output-size.ts';

/** A header with the sizes of SmolLM2-135M: 30 layers, tied head. */
function smollm2(type: number): GgufHeader {
  const matrix = (name: string, n_in: number, n_out: number): GgufTensor => ({ name, ne: [n_in, n_out], type });
  const norm = (name: string): GgufTensor => ({ name, ne: [576], type: 0 });
  const tensors = [matrix('token_embd.weight', 576, 49152), norm('output_norm.weight')];
  for (let il = 0; il < 30; il++) {
    const at = `blk.${il}.`;
    tensors.push(
      norm(`${at}attn_norm.weight`),
      norm(`${at}ffn_norm.weight`),
      matrix(`${at}attn_q.weight`, 576, 576),
      matrix(`${at}attn_k.weight`, 576, 192),
      matrix(`${at}attn_v.weight`, 576, 192),
      matrix(`${at}attn_output.weight`, 576, 576),
      matrix(`${at}ffn_gate.weight`, 576, 1536),
      matrix(`${at}ffn_up.weight`, 576, 1536),
      matrix(`${at}ffn_down.weight`, 1536, 576),
    );
  }
  return { data_offset: 1_770_000, values: {}, tensors };
}
const shape = { n_layer: 30, n_head: 9, n_head_kv: 3, architecture: 'llama' };
const size = (type: (typeof OUTPUT_TYPES)[number]) => outputBytes([smollm2(1)], shape, type);

test.each([
  // Files that llama.cpp's own quantisation and the trainer's export wrote of this model.
  ['f16', 270_885_952],
  ['bf16', 270_885_952],
  ['q8_0', 144_811_072],
  ['q4_0', 91_726_912],
  ['q4_k_m', 105_454_144],
] as const)('%s within 1 % of the file', (type, bytes) => expect(size(type) / bytes).toBeCloseTo(1, 2));

test('every type has a size, and more bits are more bytes', () => {
  for (const type of OUTPUT_TYPES) expect(size(type), type).toBeGreaterThan(50e6);
  expect(size('f32')).toBeGreaterThan(size('f16'));
  expect(size('q8_0')).toBeGreaterThan(size('q6_k') - 1);
  expect(size('q5_k_m')).toBeGreaterThan(size('q4_k_m'));
});
