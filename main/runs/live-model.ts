import { rmSync, statSync } from 'node:fs';
import { writeExport } from '../export/index.ts';
import { inspectModel, readGgufHeader } from '../models/index.ts';

/** What llama.cpp loads to answer as base and adapter do. */
export interface LiveModel {
  model_path: string;
  /** Null where the model is merged. */
  adapter_path: string | null;
  /** Removes what was written for it; may be called at any time when nothing has it loaded. */
  dispose: () => void;
}

/** Types that keep what an adapter changed; a base of another type is merged to Q8_0. */
const FINE = new Set(['f32', 'f16', 'bf16', 'q8_0']);

const merged = new Map<string, Promise<string>>();
/** What was written and is not removed yet. */
const files = new Set<string>();
let made = 0;

process.once('exit', () => files.forEach(remove));

/** llama_cpp_adapts() of native/src/peft/method.cpp: what llama.cpp stops over, in an adapter of whoever's. */
const UNAPPLIED = new Set<unknown>(['glm4', 'glm4moe', 'jais2']);
const UNAPPLIED_LAYER = /\.(attn_output\.|ffn_down)/;

/** Whether llama.cpp loads this adapter beside its base; files that are no adapters are left to llama.cpp to refuse. */
export function isLoadable(adapter_path: string): boolean {
  try {
    const { values, tensors } = readGgufHeader(adapter_path);
    const type = values['adapter.type'];
    if (typeof type !== 'string') return true;
    if (UNAPPLIED.has(values['general.architecture']) && tensors.some(({ name }) => UNAPPLIED_LAYER.test(name)))
      return false;
    return !type.startsWith('forja-');
  } catch {
    return true;
  }
}

/**
 * Base and adapter as llama.cpp loads them. Where it has no adapters of the method (DoRA) or of the architecture (glm4), the two are merged into a file beside the
 * adapter, which is made once and removed when the process ends.
 * @throws ForjaError the trainer's, when they can't be merged
 */
export async function liveModel(model_path: string, adapter_path: string, threads = 0): Promise<LiveModel> {
  if (isLoadable(adapter_path)) return { model_path, adapter_path, dispose: () => undefined };
  const { size, mtimeMs } = statSync(adapter_path);
  const key = [model_path, adapter_path, size, mtimeMs].join('\n');
  let file = merged.get(key);
  if (file === undefined) {
    file = merge(model_path, adapter_path, threads);
    merged.set(key, file);
    file.catch(() => merged.delete(key));
  }
  const path = await file;
  const dispose = () => {
    merged.delete(key);
    remove(path);
  };
  return { model_path: path, adapter_path: null, dispose };
}

/** Windows keeps a file that is still open; then it goes at the end. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true });
    files.delete(path);
  } catch {
    // Tried again when the process ends.
  }
}

async function merge(model_path: string, adapter_path: string, threads: number): Promise<string> {
  const output_path = `${adapter_path}.live-${process.pid}-${made++}.tmp`;
  files.add(output_path);
  const { base_type } = await inspectModel(model_path);
  const output_type = FINE.has(base_type.toLowerCase()) ? 'same' : 'q8_0';
  await writeExport({ model_path, adapter_path, format: 'gguf', output_type, output_path, overwrite: true, threads });
  return output_path;
}
