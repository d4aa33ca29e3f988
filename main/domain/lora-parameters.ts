export const TARGET_MODULES = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] as const;
export type TargetModule = (typeof TARGET_MODULES)[number];

/** The sizes of a model that its linear layers follow from; names as in llama.cpp. */
export interface ModelSizes {
  n_layer: number;
  n_embd: number;
  n_head: number;
  n_head_kv: number;
  n_ff: number;
  /** Width of one head; n_embd / n_head unless the file says otherwise (qwen3, gemma3). */
  n_embd_head?: number;
  /** phi3: q, k, v lie in one matrix, and gate, up in another; naming a part adapts the whole. */
  has_fused_layers?: boolean;
}

/**
 * Inputs and outputs of the linear layers that `target_modules` stand for in one block. Fused layers come once.
 */
export function adaptedLayers(
  sizes: ModelSizes,
  targetModules: readonly TargetModule[],
): [n_in: number, n_out: number][] {
  const { n_embd, n_head, n_head_kv, n_ff } = sizes;
  const head = sizes.n_embd_head ?? n_embd / n_head;
  const q = head * n_head;
  const kv = head * n_head_kv;
  const shapes: Record<string, [number, number]> = sizes.has_fused_layers
    ? { qkv: [n_embd, q + 2 * kv], o: [q, n_embd], gate_up: [n_embd, 2 * n_ff], down: [n_ff, n_embd] }
    : {
        q: [n_embd, q],
        k: [n_embd, kv],
        v: [n_embd, kv],
        o: [q, n_embd],
        gate: [n_embd, n_ff],
        up: [n_embd, n_ff],
        down: [n_ff, n_embd],
      };
  const fused: Record<string, string> = { q: 'qkv', k: 'qkv', v: 'qkv', gate: 'gate_up', up: 'gate_up' };
  const names = new Set(targetModules.map((name) => (sizes.has_fused_layers ? (fused[name] ?? name) : name)));
  return [...names].map((name) => shapes[name]!);
}

/** What the number of trainable parameters follows from; names as in native/protocol. */
export interface TunedLayers {
  method: 'lora' | 'dora';
  target_modules: readonly TargetModule[];
  lora_rank: number;
}

/**
 * Trainable parameters of an adapter, as PEFT's print_trainable_parameters counts them: r · (n_in + n_out) for each adapted
 * layer, and n_out more for DoRA's magnitudes. Source: LoRA, arXiv 2106.09685, section 4.1 (A is r × n_in, B is n_out × r);
 * DoRA, arXiv 2402.09353, section 4.1.
 */
export function trainableParameters(sizes: ModelSizes, { method, target_modules, lora_rank }: TunedLayers): number {
  const ofLayer = (n_in: number, n_out: number) => lora_rank * (n_in + n_out) + (method === 'dora' ? n_out : 0);
  const layers = adaptedLayers(sizes, target_modules);
  return sizes.n_layer * layers.reduce((sum, [n_in, n_out]) => sum + ofLayer(n_in, n_out), 0);
}
