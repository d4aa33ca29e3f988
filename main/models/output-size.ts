import type { GgufHeader, GgufTensor } from './gguf-header.ts';

/** Elements and bytes of a block of each of ggml's types, by its number; as in ggml's type traits. */
const BLOCKS: Record<number, [elements: number, bytes: number]> = {
  0: [1, 4],
  1: [1, 2],
  2: [32, 18],
  3: [32, 20],
  6: [32, 22],
  7: [32, 24],
  8: [32, 34],
  10: [256, 84],
  11: [256, 110],
  12: [256, 144],
  13: [256, 176],
  14: [256, 210],
  20: [32, 18],
  23: [256, 136],
  30: [1, 2],
};
const [F16, Q4_0, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS] = [
  1, 2, 6, 7, 8, 10, 11, 12, 13, 14, 20, 23,
];

/** The type most weights get, for each output type but `same`; as in native/src/export/quant-mix.cpp. */
const DEFAULT_TYPES = {
  f32: 0,
  f16: F16,
  bf16: 30,
  q8_0: Q8_0,
  q6_k: Q6_K,
  q5_k_m: Q5_K,
  q5_k_s: Q5_K,
  q5_0: Q5_0,
  q5_1: Q5_1,
  q4_k_m: Q4_K,
  q4_k_s: Q4_K,
  q4_0: Q4_0,
  q4_1: 3,
  q3_k_m: Q3_K,
  q2_k: Q2_K,
  iq4_nl: IQ4_NL,
  iq4_xs: IQ4_XS,
} as const;

export type OutputType = keyof typeof DEFAULT_TYPES;

export const OUTPUT_TYPES = Object.keys(DEFAULT_TYPES) as OutputType[];

/** What the choice of a tensor's type depends on besides the tensor. */
interface Shape {
  n_layer: number;
  n_head: number;
  n_head_kv: number;
  architecture: string;
  tied: boolean;
}

/**
 * Bytes of a merged model in this type: the mixture of native/src/export/quant-mix.cpp, on the sizes in the file's header.
 * @param headers of all parts of the base
 */
export function outputBytes(headers: readonly GgufHeader[], shape: Omit<Shape, 'tied'>, output: OutputType): number {
  const tensors = headers.flatMap((header) => header.tensors);
  const tied = !tensors.some(({ name }) => name === 'output.weight');
  const before = headers.reduce((sum, { data_offset }) => sum + data_offset, 0);
  return tensors.reduce(
    (sum, tensor) => sum + padded(bytesOf(tensor, typeOf(tensor, output, { ...shape, tied }))),
    before,
  );
}

function bytesOf({ ne }: GgufTensor, type: number): number {
  const [elements, bytes] = BLOCKS[type] ?? [1, 4];
  return (ne.reduce((product, n) => product * n, 1) / elements) * bytes;
}

const padded = (bytes: number) => Math.ceil(bytes / 32) * 32;

function typeOf(tensor: GgufTensor, output: OutputType, shape: Shape): number {
  const { name, ne } = tensor;
  const isMatrix =
    ne.length >= 2 &&
    name.endsWith('.weight') &&
    !name.includes('_norm.weight') &&
    !name.includes('ffn_gate_inp.weight');
  if (!isMatrix) return tensor.type;
  let type: number = DEFAULT_TYPES[output];
  if (BLOCKS[type]![0] === 1) return type;
  const layer = Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? 0);
  const width = ne[0]!;
  if (name === 'output.weight' || (name === 'token_embd.weight' && shape.tied)) {
    if (width % BLOCKS[type]![0] !== 0) type = Q8_0;
    else if (type !== Q8_0) type = Q6_K;
  } else if (name.includes('attn_v.weight') || name.includes('attn_qkv.weight')) {
    type = typeOfValues(type, output, layer, shape);
  } else if (name.includes('ffn_down')) {
    type = typeOfDown(type, output, layer, shape.n_layer);
  } else if (name.includes('attn_output.weight')) {
    if (output === 'q2_k') type = Q3_K;
    if (output === 'q3_k_m') type = Q4_K;
  }
  return fitToRows(type, width);
}

function typeOfValues(type: number, output: OutputType, layer: number, shape: Shape): number {
  const { n_layer, n_head, n_head_kv, architecture } = shape;
  const gqa = Math.floor(n_head / Math.max(1, n_head_kv));
  let chosen = type;
  if (output === 'q2_k') chosen = gqa >= 4 ? Q4_K : Q3_K;
  if (output === 'q3_k_m') chosen = layer < 2 ? Q5_K : Q4_K;
  if ((output === 'iq4_nl' || output === 'iq4_xs') && gqa >= 4) chosen = Q5_K;
  if ((output === 'q4_k_m' || output === 'q5_k_m') && usesMoreBits(layer, n_layer)) chosen = Q6_K;
  if (output === 'q4_k_s' && layer < 4) chosen = Q5_K;
  const is70b = n_layer === 80 && (architecture === 'qwen2' || (architecture === 'llama' && n_head !== n_head_kv));
  return is70b && (chosen === Q3_K || chosen === Q4_K) ? Q5_K : chosen;
}

function typeOfDown(type: number, output: OutputType, layer: number, n_layer: number): number {
  switch (output) {
    case 'q2_k':
      return Q3_K;
    case 'q3_k_m':
      return layer < Math.floor(n_layer / 16) ? Q5_K : Q4_K;
    case 'q4_k_m':
    case 'q5_k_m':
      return usesMoreBits(layer, n_layer) ? Q6_K : type;
    case 'iq4_nl':
    case 'iq4_xs':
    case 'q4_k_s':
      return layer < Math.floor(n_layer / 8) ? Q5_K : type;
    default:
      return type;
  }
}

/** The first and last eighth of the layers and every third between. */
function usesMoreBits(layer: number, n_layer: number): boolean {
  const eighth = Math.floor(n_layer / 8);
  return layer < eighth || layer >= Math.floor((7 * n_layer) / 8) || (layer - eighth) % 3 === 2;
}

/** Rows that are no multiple of a type's block get a type of smaller blocks. */
function fitToRows(type: number, width: number): number {
  if (width % BLOCKS[type]![0] === 0) return type;
  const smaller: Record<number, number> = {
    [IQ4_XS]: IQ4_NL,
    [Q2_K]: Q4_0,
    [Q3_K]: Q4_0,
    [Q4_K]: Q5_0,
    [Q5_K]: Q5_1,
    [Q6_K]: Q8_0,
  };
  const fitted = smaller[type] ?? type;
  return width % BLOCKS[fitted]![0] === 0 ? fitted : F16;
}
