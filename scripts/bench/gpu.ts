import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { bytes, table } from '../../main/cli/lib/format.ts';
import type { Output } from '../../main/cli/lib/output.ts';
import { completeJob } from '../../main/contracts/protocol.ts';
import type { BenchJob } from '../../main/contracts/protocol-types.ts';
import { cacheDir } from '../../main/models/index.ts';
import { locateTrainer, runJob } from '../../main/trainer/index.ts';

const run = promisify(execFile);
type Modules = BenchJob['target_modules'];
const ALL: Modules = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'];
const QUERY_VALUE: Modules = ['q', 'v'];

export interface GpuSuite {
  device: string;
  /** Real models to measure. */
  models: string[];
  /** Dimensions of the model with random weights; one of `forja-fixtures --large`. */
  shape: string;
  max_seq_len: number;
  micro_batch_size: number;
  steps: number;
  threads: number;
  device_memory_limit_bytes: number;
}

/**
 * Everything that is to be known of training on one GPU: tokens per second and memory of the given models and of one with random
 * weights at real dimensions, with ranks 8 and 16, on q and v and on all linear layers; llama.cpp's forward pass and, where torch,
 * transformers and peft are installed, PyTorch with the same shapes on the same card beside it.
 */
export async function gpuSuite(suite: GpuSuite, output: Output): Promise<void> {
  const random = await randomModel(suite.shape, output);
  const { device, max_seq_len, micro_batch_size, steps, threads, device_memory_limit_bytes } = suite;
  const common = { device, max_seq_len, micro_batch_size, steps, threads, device_memory_limit_bytes };
  output.text(`${device}, max_seq_len ${max_seq_len}, micro_batch_size ${micro_batch_size}, every token supervised\n`);
  const rows = [['MODEL', 'MODULES', 'RANK', 'TRAIN', 'DEVICE MEMORY', 'FORWARD']];
  for (const model_path of [...suite.models, random]) {
    output.progress(`forward: ${model_path}`, true);
    const forward = await runJob<'bench'>(
      completeJob('bench', { ...common, device_memory_limit_bytes: 0, model_path, mode: 'forward' }),
    );
    for (const target_modules of [QUERY_VALUE, ALL]) {
      for (const lora_rank of [8, 16]) {
        output.progress(`train: ${model_path}, rank ${lora_rank}, ${target_modules.join(' ')}`, true);
        const train = await runJob<'bench'>(
          completeJob('bench', { ...common, model_path, mode: 'train', lora_rank, target_modules }),
        );
        output.row({
          model: basename(model_path),
          base_type: train.base_type,
          ...common,
          lora_rank,
          target_modules,
          tokens_per_second: train.tokens_per_second,
          device_memory_bytes: train.device_memory_bytes,
          peak_memory_bytes: train.peak_memory_bytes,
          forward_tokens_per_second: forward.tokens_per_second,
        });
        rows.push([
          basename(model_path),
          target_modules.length === ALL.length ? 'all' : target_modules.join(','),
          String(lora_rank),
          `${train.tokens_per_second.toFixed(0)} tok/s`,
          bytes(train.device_memory_bytes ?? 0),
          `${forward.tokens_per_second.toFixed(0)} tok/s`,
        ]);
      }
    }
  }
  output.text(table(rows, ''));
  await pytorch(suite, output);
}

/** The random model, written once and kept in the cache. */
async function randomModel(shape: string, output: Output): Promise<string> {
  const folder = join(cacheDir(), 'bench');
  const path = join(folder, `${shape}.gguf`);
  if (existsSync(path)) return path;
  await mkdir(folder, { recursive: true });
  output.progress(`writing ${path}`, true);
  await run(fixturesProgram(), [folder, '--large', shape]);
  return path;
}

/** forja-fixtures beside the trainer in use, or in the checkout's own build: a CUDA build need not have it. */
function fixturesProgram(): string {
  const builds = [dirname(locateTrainer()), join(import.meta.dirname, '../../native/build')];
  const programs = builds.map((folder) => join(folder, 'tests', 'forja-fixtures'));
  return programs.find((path) => existsSync(path)) ?? programs[0]!;
}

/** PyTorch's figures, printed as its script gives them; nothing where its packages are missing. */
async function pytorch(suite: GpuSuite, output: Output): Promise<void> {
  const script = join(import.meta.dirname, '../../native/bench/torch_gpu.py');
  const args = [script, '--shape', suite.shape, '--max-seq-len', String(suite.max_seq_len)];
  args.push('--micro-batch-size', String(suite.micro_batch_size), '--steps', String(suite.steps));
  try {
    output.progress('PyTorch', true);
    const { stdout } = await run(process.env.PYTHON ?? 'python3', args, { maxBuffer: 2 ** 24 });
    for (const line of stdout.split('\n').filter((text) => text.startsWith('{'))) {
      output.row(JSON.parse(line) as Record<string, unknown>);
      output.text(`PyTorch: ${line}\n`);
    }
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1);
    output.text(`PyTorch was not measured: ${said ?? String(error)}\n`);
  }
}
