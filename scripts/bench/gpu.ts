/**
 * Everything that is to be known of training on one GPU: tokens per second and memory of models that are named (else the sample)
 * and of one with random weights at real dimensions, on q and v and on all linear layers; llama.cpp's forward pass and, where
 * torch, transformers and peft are installed (FORJA_BENCH_PYTHON, else python3), PyTorch with the same shapes on the same card.
 *
 *   npm run bench:gpu -- [--device CUDA0 --model A.gguf --model B.gguf --shape llama-3.1-8b --lora-rank 8,16
 *                         --max-seq-len 512 --micro-batch-size 1 --steps 3 --device-memory-limit-bytes N --json]
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { bytes, table } from '../../main/cli/lib/format.ts';
import type { Output } from '../../main/cli/lib/output.ts';
import { completeJob } from '../../main/contracts/protocol.ts';
import type { BenchJob } from '../../main/contracts/protocol-types.ts';
import { cacheDir } from '../../main/models/index.ts';
import { locateTrainer, runJob } from '../../main/trainer/index.ts';
import { readNumbers, runBench, sampleModel, STEP_OPTIONS } from './harness.ts';
import { installedPython, trainInPython, WARM_UP_STEPS } from './python.ts';

const run = promisify(execFile);
type Modules = BenchJob['target_modules'];
const ALL: Modules = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'];
const QUERY_VALUE: Modules = ['q', 'v'];

const { values: args } = parseArgs({
  options: {
    ...STEP_OPTIONS,
    'lora-rank': { type: 'string', default: '8,16' },
    device: { type: 'string', default: 'CUDA0' },
    model: { type: 'string', multiple: true, default: [] },
    shape: { type: 'string', default: 'llama-3.1-8b' },
    'device-memory-limit-bytes': { type: 'string', default: '0' },
  },
});
const { device, shape } = args;
const max_seq_len = Number(args['max-seq-len']);
const micro_batch_size = Number(args['micro-batch-size']);
const steps = Number(args.steps);
const common = {
  device,
  max_seq_len,
  micro_batch_size,
  steps,
  threads: Number(args.threads),
  device_memory_limit_bytes: Number(args['device-memory-limit-bytes']),
};
const ADAPTERS = [QUERY_VALUE, ALL].flatMap((target_modules) =>
  readNumbers(args['lora-rank']).map((lora_rank) => ({ target_modules, lora_rank })),
);

async function bench(output: Output): Promise<void> {
  const models = args.model.length > 0 ? args.model : [await sampleModel(output)];
  models.push(await randomModel(output));
  output.text(`${device}, max_seq_len ${max_seq_len}, micro_batch_size ${micro_batch_size}, every token supervised\n`);
  const rows = [['MODEL', 'MODULES', 'RANK', 'TRAIN', 'DEVICE MEMORY', 'FORWARD']];
  for (const model_path of models) {
    output.progress(`forward: ${model_path}`, true);
    const forward = await runJob<'bench'>(
      completeJob('bench', { ...common, device_memory_limit_bytes: 0, model_path, mode: 'forward' }),
    );
    for (const { lora_rank, target_modules } of ADAPTERS) {
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
        nameOf(target_modules),
        String(lora_rank),
        `${train.tokens_per_second.toFixed(0)} tok/s`,
        bytes(train.device_memory_bytes ?? 0),
        `${forward.tokens_per_second.toFixed(0)} tok/s`,
      ]);
    }
  }
  output.text(table(rows, ''));
  try {
    await pytorch(output);
  } catch (error) {
    output.text(`PyTorch was not measured: ${(error as Error).message}`);
  }
}

/** The random model, written once and kept in the cache. */
async function randomModel(output: Output): Promise<string> {
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

/** PyTorch beside it: random weights of the same shape, in 4 bits where bitsandbytes is installed. */
async function pytorch(output: Output): Promise<void> {
  const rows = [['PYTORCH', 'MODULES', 'RANK', 'TRAIN', 'DEVICE MEMORY']];
  for (const { target_modules, lora_rank } of ADAPTERS) {
    output.progress(`PyTorch, rank ${lora_rank}, ${target_modules.join(' ')}`, true);
    const found = await trainInPython(installedPython(), {
      'lora-rank': lora_rank,
      'target-modules': target_modules.join(','),
      'max-seq-len': max_seq_len,
      'micro-batch-size': micro_batch_size,
      steps: steps + WARM_UP_STEPS,
      device: 'cuda',
      shape,
    });
    output.row({ program: 'pytorch', shape, max_seq_len, micro_batch_size, lora_rank, target_modules, ...found });
    rows.push([
      `${shape}, ${found.base_type}`,
      nameOf(target_modules),
      String(lora_rank),
      `${found.tokens_per_second.toFixed(0)} tok/s`,
      bytes(found.peak_device_bytes),
    ]);
  }
  output.text(table(rows, ''));
}

function nameOf(target_modules: Modules): string {
  return target_modules.length === ALL.length ? 'all' : target_modules.join(',');
}

await runBench(args.json, bench);
