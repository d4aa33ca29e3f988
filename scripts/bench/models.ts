import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { completeJob } from '../../main/contracts/protocol.ts';
import type { ExportJob } from '../../main/contracts/protocol-types.ts';
import { cacheDir } from '../../main/models/index.ts';
import { tokenizerOf } from '../../main/runs/index.ts';
import { runJob } from '../../main/trainer/index.ts';

export type BaseType = Exclude<ExportJob['output_type'], 'auto' | 'same'>;

/**
 * The sample model at other types, made once and kept in the cache: exports of an adapter that changes nothing (B = 0).
 *
 * @param sample the sample model's path
 * @param say called with a sentence on what is being done
 * @returns a file for each type
 */
export async function modelsOf(
  sample: string,
  types: readonly BaseType[],
  say: (text: string) => void,
): Promise<Map<BaseType, string>> {
  const folder = join(cacheDir(), 'bench');
  await mkdir(folder, { recursive: true });
  const paths = new Map(types.map((type) => [type, join(folder, `SmolLM2-135M-Instruct.${type}.gguf`)]));
  const missing = types.filter((type) => !existsSync(paths.get(type)!));
  if (missing.length === 0) return paths;
  const scratch = await mkdtemp(join(folder, 'make-'));
  try {
    const adapter_path = await untrainedAdapter(sample, scratch);
    for (const output_type of missing) {
      say(`making ${SMOLLM2} at ${output_type}`);
      const output_path = join(scratch, `${output_type}.gguf`);
      await runJob<'export'>(completeJob('export', { model_path: sample, adapter_path, output_type, output_path }));
      await rename(output_path, paths.get(output_type)!);
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return paths;
}

const SMOLLM2 = 'SmolLM2-135M-Instruct';

/** One step at a learning rate of 0: B stays 0, so that base and merged model are the same. */
async function untrainedAdapter(model_path: string, folder: string): Promise<string> {
  const tokenizer = tokenizerOf(model_path, { max_seq_len: 64 })(join(folder, 'row.fjt'));
  tokenizer.stdin.end(`${JSON.stringify({ row: 1, segments: [['A row to learn nothing from.', 1]] })}\n`);
  await tokenizer.result;
  const { adapter_path } = await runJob<'train'>(
    completeJob('train', {
      model_path,
      train_tokens_path: join(folder, 'row.fjt'),
      out_dir: join(folder, 'run'),
      lora_rank: 1,
      target_modules: ['q'],
      learning_rate: 0,
      max_steps: 1,
    }),
  );
  if (adapter_path === null) throw new Error('The trainer gave no adapter.');
  return adapter_path;
}
