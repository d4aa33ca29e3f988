export const TARGET_MODULES = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] as const;
export type TargetModule = (typeof TARGET_MODULES)[number];

/** A linear layer of a block as the file has it: what names it, and its inputs and outputs. */
export interface LinearLayer {
  roles: readonly string[];
  n_in: number;
  n_out: number;
}

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
  /** Every block's linear layers, where the file was read: blocks need not be alike. */
  linear_layers?: readonly LinearLayer[];
}

/** site_role() of native/src/trace/recognise.cpp. */
const ROLES: Readonly<Record<string, readonly string[]>> = {
  attn_q: ['q'],
  attn_k: ['k'],
  attn_v: ['v'],
  attn_qkv: ['q', 'k', 'v'],
  attn_output: ['o'],
  ssm_out: ['o'],
  'shortconv.out_proj': ['o'],
  ffn_gate: ['gate'],
  ffn_up: ['up'],
  ffn_down: ['down'],
  ffn_gate_shexp: ['gate'],
  ffn_up_shexp: ['up'],
  ffn_down_shexp: ['down'],
};
/** Matrices that nothing adapts: routers, experts, convolutions. */
const FROZEN = /^(ffn_gate_inp|ssm_conv1d$|shortconv\.conv$)|_exps$/;
/** The blocks that the estimate of memory was measured on have no others. */
const PLAIN = new Set(['attn_q', 'attn_k', 'attn_v', 'attn_qkv', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down']);

/** The blocks' linear layers among a file's tensors; blocks that only predict further tokens (MTP) are passed over. */
export function linearLayers(tensors: readonly { name: string; ne: readonly number[] }[]): LinearLayer[] {
  const found: LinearLayer[] = [];
  for (const { stem, ne } of matricesOf(tensors)) {
    const [n_in = 1, n_out = 1] = ne;
    if (FROZEN.test(stem) || n_out <= 1) continue;
    const down = stem === 'ffn_up' ? tensors.find(({ name }) => /^blk\.\d+\.ffn_down\.weight$/.test(name)) : undefined;
    const roles = n_out === 2 * (down?.ne[0] ?? 0) ? ['gate', 'up'] : (ROLES[stem] ?? [stem]);
    found.push({ roles, n_in, n_out });
  }
  return found;
}

/** Whether blocks have other matrices than attention's and a feed-forward network's: then estimates of memory are rough. */
export function hasOtherLayers(tensors: readonly { name: string; ne: readonly number[] }[]): boolean {
  return matricesOf(tensors).some(({ stem }) => !PLAIN.has(stem));
}

function matricesOf(
  tensors: readonly { name: string; ne: readonly number[] }[],
): { stem: string; ne: readonly number[] }[] {
  const named = tensors.flatMap(({ name, ne }) => {
    const [, block, stem] = /^blk\.(\d+)\.(.+)\.weight$/.exec(name) ?? [];
    return block !== undefined && stem !== undefined && (ne[1] ?? 1) > 1 ? [{ block, stem, ne }] : [];
  });
  const skipped = new Set(named.filter(({ stem }) => stem.startsWith('nextn.')).map(({ block }) => block));
  return named.filter(({ block }) => !skipped.has(block));
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
  if (sizes.linear_layers !== undefined) {
    // All seven names together mean every linear layer, as in is_target() of native/src/peft/tunable.cpp.
    const names = new Set<string>(target_modules);
    const hasAll = TARGET_MODULES.every((name) => names.has(name));
    const adapted = sizes.linear_layers.filter(({ roles }) => hasAll || roles.some((role) => names.has(role)));
    return adapted.reduce((sum, { n_in, n_out }) => sum + ofLayer(n_in, n_out), 0);
  }
  const layers = adaptedLayers(sizes, target_modules);
  return sizes.n_layer * layers.reduce((sum, [n_in, n_out]) => sum + ofLayer(n_in, n_out), 0);
}
