import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { InspectResult } from '../contracts/protocol-types.ts';
import type { TrainedModel } from '../domain/estimates/memory.ts';
import { hasOtherLayers, linearLayers } from '../domain/lora-parameters.ts';
import { readGgufHeader, type GgufHeader } from './gguf-header.ts';
import { inspectModel } from './inspect.ts';

/** A model file that was looked into. */
export interface KnownModel {
  info: InspectResult;
  /** The header of each part. */
  headers: GgufHeader[];
  sizes: TrainedModel;
}

/** How many models are remembered. */
const REMEMBERED = 16;

/** Model files that were looked into: as long as a file stays as it is, it is not read again. */
export class ModelCatalogue {
  private readonly known = new Map<string, Promise<KnownModel>>();
  private readonly inspect: (path: string) => Promise<InspectResult>;

  /** @param inspect only tests give another */
  constructor(inspect: (path: string) => Promise<InspectResult> = inspectModel) {
    this.inspect = inspect;
  }

  /** @throws TrainerError as inspectModel */
  async open(path: string): Promise<KnownModel> {
    const { size = 0, mtimeMs = 0 } = statSync(path, { throwIfNoEntry: false }) ?? {};
    const key = `${resolve(path)}\0${size}\0${mtimeMs}`;
    let found = this.known.get(key);
    if (found === undefined) {
      found = this.read(path);
      this.known.set(key, found);
      found.catch(() => this.known.delete(key));
      const [oldest] = this.known.keys();
      if (this.known.size > REMEMBERED && oldest !== undefined) this.known.delete(oldest);
    }
    return await found;
  }

  private async read(path: string): Promise<KnownModel> {
    const info = await this.inspect(path);
    const files = info.files.length > 0 ? info.files : [info.path];
    const headers = files.map((file) => readGgufHeader(file));
    return { info, headers, sizes: sizesOf(info, headers) };
  }
}

/** The sizes that estimates need; the width of a head and fused layers are seen in the tensors. */
export function sizesOf(info: InspectResult, headers: readonly GgufHeader[]): TrainedModel {
  const { n_layer, n_embd, n_head, n_head_kv, n_ff, n_vocab, n_params, file_size_bytes } = info;
  const outputs = (name: string) => {
    for (const { tensors } of headers) for (const tensor of tensors) if (tensor.name === name) return tensor.ne[1] ?? 0;
    return 0;
  };
  const fused = outputs('blk.0.attn_qkv.weight');
  const q = outputs('blk.0.attn_q.weight');
  const n_embd_head = q > 0 ? q / n_head : fused > 0 ? fused / (n_head + 2 * n_head_kv) : n_embd / n_head;
  return {
    n_layer,
    n_embd,
    n_head,
    n_head_kv,
    n_ff,
    n_vocab,
    n_params,
    file_size_bytes,
    n_embd_head,
    has_fused_layers: fused > 0,
    linear_layers: linearLayers(headers.flatMap(({ tensors }) => tensors)),
    has_other_layers: hasOtherLayers(headers.flatMap(({ tensors }) => tensors)),
  };
}
