/**
 * Everything that is to be known of training on one GPU: tokens per second and memory of models that are named (else the sample)
 * and of one with random weights at real dimensions, on q and v and on all linear layers; llama.cpp's forward pass and, where
 * torch, transformers and peft are installed (FORJA_BENCH_PYTHON, else python3), PyTorch with the same shapes on the same card.
 *
 *   npm run bench:gpu -- [--device CUDA0 --model A.gguf --model B.gguf --shape llama-3.1-8b --lora-rank 16,8
 *                         --max-seq-len 512 --micro-batch-size 1,4 --steps 3 --device-memory-limit-bytes N --minutes N --json]
 *
 *   npm run bench:gpu -- --pack DIR [--cuda-architectures 80,89,90]
 *
 * writes a folder that does the same on a machine without Node, and DIR.tar.xz (gpu-pack.ts).
 *
 * The random model comes first, then PyTorch, then the other models, each with the most telling adapter first: with --minutes, no
 * measurement begins later than that. What fails is said, and the rest goes on. --json gives each figure as soon as it is there.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { bytes, table } from '../../main/cli/lib/format.ts';
import type { Output } from '../../main/cli/lib/output.ts';
import { completeJob } from '../../main/contracts/protocol.ts';
import type { BenchJob } from '../../main/contracts/protocol-types.ts';
import { cacheDir } from '../../main/models/index.ts';
import { locateTrainer, runJob } from '../../main/trainer/index.ts';
import { compressPack, writePack } from './gpu-pack.ts';
import { readNumbers, runBench, sampleModel, STEP_OPTIONS } from './harness.ts';
import { installedPython, trainInPython, WARM_UP_STEPS } from './python.ts';

const run = promisify(execFile);
type Modules = BenchJob['target_modules'];
const ALL: Modules = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'];
const QUERY_VALUE: Modules = ['q', 'v'];

const { values: args } = parseArgs({
  options: {
    ...STEP_OPTIONS,
    'lora-rank': { type: 'string', default: '16,8' },
    'micro-batch-size': { type: 'string', default: '1,4' },
    device: { type: 'string', default: 'CUDA0' },
    model: { type: 'string', multiple: true, default: [] },
    shape: { type: 'string', default: 'llama-3.1-8b' },
    'device-memory-limit-bytes': { type: 'string', default: '0' },
    minutes: { type: 'string', default: 'Infinity' },
    pack: { type: 'string' },
    'cuda-architectures': { type: 'string', default: '80,89,90' },
  },
});
const { device, shape } = args;
const max_seq_len = Number(args['max-seq-len']);
const steps = Number(args.steps);
const common = {
  device,
  max_seq_len,
  steps,
  threads: Number(args.threads),
  device_memory_limit_bytes: Number(args['device-memory-limit-bytes']),
};
const CASES = readNumbers(args['lora-rank']).flatMap((lora_rank) =>
  [ALL, QUERY_VALUE].flatMap((target_modules) =>
    readNumbers(args['micro-batch-size']).map((micro_batch_size) => ({ lora_rank, target_modules, micro_batch_size })),
  ),
);
type Case = (typeof CASES)[number];
const latest = Date.now() + 60_000 * Number(args.minutes);

/** Writes the pack and says how large it became. */
async function pack(output: Output, folder: string): Promise<void> {
  const kept = writePack(folder, readNumbers(args['cuda-architectures']));
  output.progress(`compressing ${folder}`, true);
  const file = compressPack(folder);
  for (const { architecture, form, bytes: size } of kept)
    output.text(`CUDA code: sm_${architecture}, ${form}, ${bytes(size)}`);
  output.text(
    `${folder} and ${file} (${bytes((await stat(file)).size)}): on the GPU machine, unpack it and start ./run.sh`,
  );
}

async function bench(output: Output): Promise<void> {
  output.text(`${device}, max_seq_len ${max_seq_len}, every token supervised\n`);
  const random = await attempt(output, `writing ${shape}`, () => randomModel(output));
  if (random !== null) await forja(output, random);
  await pytorch(output);
  const sample = args.model.length > 0 ? null : await attempt(output, 'the sample model', () => sampleModel(output));
  for (const path of sample === null ? args.model : [sample]) await forja(output, path);
}

/** Forja on one model, and llama.cpp's forward pass beside it. */
async function forja(output: Output, model_path: string): Promise<void> {
  const model = basename(model_path);
  const forward = await attempt(output, `forward: ${model}`, () =>
    runJob<'bench'>(completeJob('bench', { ...common, device_memory_limit_bytes: 0, model_path, mode: 'forward' })),
  );
  const rows = [['MODEL', ...CASE_COLUMNS, 'DEVICE MEMORY', 'FORWARD']];
  for (const one of CASES) {
    const train = await attempt(output, `train: ${model}, ${nameOf(one)}`, () =>
      runJob<'bench'>(completeJob('bench', { ...common, ...one, model_path, mode: 'train' })),
    );
    if (train === null) continue;
    const { base_type, tokens_per_second, device_memory_bytes, peak_memory_bytes } = train;
    const forward_tokens_per_second = forward?.tokens_per_second ?? null;
    output.row({
      program: 'forja',
      model,
      base_type,
      ...common,
      ...one,
      tokens_per_second,
      device_memory_bytes,
      peak_memory_bytes,
      forward_tokens_per_second,
    });
    const speed = forward_tokens_per_second === null ? '' : `${forward_tokens_per_second.toFixed(0)} tok/s`;
    rows.push([model, ...columnsOf(one, tokens_per_second), bytes(device_memory_bytes ?? 0), speed]);
  }
  output.text(table(rows, ''));
}

/** One measurement; null when it is too late for it or it fails, which is said. */
async function attempt<T>(output: Output, name: string, measure: () => Promise<T>): Promise<T | null> {
  if (Date.now() > latest) {
    output.text(`${name}: not measured, the time is up`);
    return null;
  }
  output.progress(name, true);
  try {
    return await measure();
  } catch (error) {
    const { message } = error as Error;
    output.row({ program: 'none', name, failed: message });
    output.text(`${name}: not measured: ${message}`);
    return null;
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

/**
 * PyTorch beside it: random weights of the same shape, in 4 bits where bitsandbytes is installed; with activations computed twice, as
 * is usual for want of memory, and with all of them kept, which is its fastest.
 */
async function pytorch(output: Output): Promise<void> {
  const isThere = await attempt(output, 'PyTorch', () =>
    run(installedPython(), ['-c', 'import torch, transformers, peft']),
  );
  if (isThere === null) return;
  const rows = [['PYTORCH', ...CASE_COLUMNS, 'DEVICE MEMORY', 'ACTIVATIONS']];
  for (const one of CASES) {
    for (const keep of [false, true]) {
      const activations = keep ? 'kept' : 'computed twice';
      const found = await attempt(output, `PyTorch, ${nameOf(one)}, activations ${activations}`, () =>
        trainInPython(installedPython(), {
          'lora-rank': one.lora_rank,
          'target-modules': one.target_modules.join(','),
          'max-seq-len': max_seq_len,
          'micro-batch-size': one.micro_batch_size,
          steps: steps + WARM_UP_STEPS,
          device: device === 'cpu' ? 'cpu' : 'cuda', // the same card, whatever Forja reaches it through
          'keep-activations': keep,
          shape,
        }),
      );
      if (found === null) continue;
      output.row({ program: 'pytorch', shape, max_seq_len, ...one, activations, ...found });
      const speed = columnsOf(one, found.tokens_per_second);
      rows.push([`${shape}, ${found.base_type}`, ...speed, bytes(found.peak_device_bytes), activations]);
    }
  }
  output.text(table(rows, ''));
}

const CASE_COLUMNS = ['MODULES', 'RANK', 'ROWS', 'TRAIN'];

function columnsOf({ target_modules, lora_rank, micro_batch_size }: Case, tokens_per_second: number): string[] {
  return [
    modulesName(target_modules),
    String(lora_rank),
    String(micro_batch_size),
    `${tokens_per_second.toFixed(0)} tok/s`,
  ];
}

function nameOf({ target_modules, lora_rank, micro_batch_size }: Case): string {
  return `rank ${lora_rank}, ${modulesName(target_modules)}, ${micro_batch_size} rows`;
}

function modulesName(target_modules: Modules): string {
  return target_modules.length === ALL.length ? 'all' : target_modules.join(',');
}

const { pack: folder } = args;
await runBench(args.json, folder === undefined ? bench : (output) => pack(output, resolve(folder)));
