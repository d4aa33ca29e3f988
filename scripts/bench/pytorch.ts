/**
 * Forja's trainer beside PyTorch, transformers and PEFT: the same GGUF, tokens, adapter, optimiser and threads in one run. Makes a
 * Python environment from PyPI in the cache folder the first time. Fails when the two do not lose alike.
 *
 *   npm run bench:pytorch [-- --type q8_0 --max-seq-len 512 --micro-batch-size 1 --threads 2 --steps 6
 *                             --configurations float32,float32-compiled,bfloat16,bfloat16-compiled --json]
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bytes, table } from '../../main/cli/lib/format.ts';
import type { Output } from '../../main/cli/lib/output.ts';
import { completeJob } from '../../main/contracts/protocol.ts';
import { tokenizerOf } from '../../main/runs/index.ts';
import { runJob, startTrainer } from '../../main/trainer/index.ts';
import { runBench, sampleModel, STEP_OPTIONS } from './harness.ts';
import { modelsOf, type BaseType } from './models.ts';
import { pythonWithTorch, trainInPython, WARM_UP_STEPS, type PythonOutcome } from './python.ts';

const { values: args } = parseArgs({
  options: {
    ...STEP_OPTIONS,
    steps: { type: 'string', default: '6' },
    type: { type: 'string', default: 'q8_0' },
    configurations: { type: 'string', default: 'float32,float32-compiled,bfloat16,bfloat16-compiled' },
  },
});
const max_seq_len = Number(args['max-seq-len']);
const micro_batch_size = Number(args['micro-batch-size']);
const steps = Number(args.steps);
const threads = Number(args.threads);
const LEARNING_RATE = 1e-4;

/**
 * How far Forja's losses may be from PyTorch's in float32, in nats. On a quantised base llama.cpp's products round activations to
 * 8 bits, as inference does, and the fast ones round to BF16: on Q8_0 0.011 and 0.002 were seen at a loss of 4.7, where PyTorch's
 * own bfloat16 was 0.09 from its float32.
 */
const TOLERANCE = 0.02;

/** What a training of `steps` steps showed. */
type Outcome = Pick<PythonOutcome, 'losses' | 'tokens_per_second' | 'peak_memory_bytes'>;

/** Forja's trainer. `compute_type` f32 is its reference, auto its fastest. */
async function trainHere(model_path: string, folder: string, compute_type: 'auto' | 'f32'): Promise<Outcome> {
  const losses: number[] = [];
  const speeds: number[] = [];
  const trainer = startTrainer<'train'>(
    completeJob('train', {
      ...adapterSettings(),
      model_path,
      train_tokens_path: join(folder, 'rows.fjt'),
      out_dir: join(folder, `run-${compute_type}`),
      init_adapter_path: join(folder, 'adapter/adapter.gguf'),
      learning_rate: LEARNING_RATE,
      micro_batch_size,
      max_steps: steps,
      compute_type,
    }),
    {
      onEvent: (event) => {
        if (event.type !== 'step') return;
        losses.push(event.data.train_loss);
        speeds.push(event.data.tokens_per_second);
      },
    },
  );
  const { result } = await trainer.finished;
  return {
    losses,
    tokens_per_second: median(speeds.slice(WARM_UP_STEPS)),
    peak_memory_bytes: result.peak_memory_bytes,
  };
}

async function trainThere(python: string, model: string, folder: string, configuration: string): Promise<Outcome> {
  const [dtype = 'float32', compiled] = configuration.split('-');
  return await trainInPython(python, {
    model,
    adapter: join(folder, 'peft'),
    tokens: join(folder, 'rows.json'),
    'learning-rate': LEARNING_RATE,
    compile: compiled === 'compiled',
    dtype,
    steps,
    threads,
  });
}

async function compare(output: Output): Promise<void> {
  const sample = await sampleModel(output);
  const type = args.type as BaseType;
  const model_path = (await modelsOf(sample, [type], (text) => output.progress(text, true))).get(type)!;
  const python = pythonWithTorch(output);
  const folder = await mkdtemp(join(tmpdir(), 'forja-pytorch-'));
  try {
    await makeRows(model_path, folder);
    await makeAdapter(model_path, folder);
    const exact = await trainHere(model_path, folder, 'f32');
    const rows = [['TRAINER', 'SPEED', 'FORJA OVER IT', 'PEAK MEMORY', 'LAST LOSS', 'LARGEST DIFFERENCE TO FLOAT32']];
    // Float32 first: the others are held against it.
    const configurations = [...new Set(['float32', ...args.configurations.split(',')])];
    let truth: number[] | null = null;
    let alike = true;
    for (const configuration of configurations) {
      const there = await trainThere(python, model_path, folder, configuration);
      // Beside each, so that both meet the same machine.
      const here = await trainHere(model_path, folder, 'auto');
      truth ??= there.losses;
      const [exactOff, hereOff, thereOff] = [exact, here, there].map(({ losses }) => largestDifference(losses, truth!));
      alike &&= exactOff! <= TOLERANCE && hereOff! <= TOLERANCE;
      const ratio = here.tokens_per_second / there.tokens_per_second;
      output.row({
        configuration,
        base_type: type,
        max_seq_len,
        micro_batch_size,
        threads,
        ratio,
        forja: { ...here, difference: hereOff },
        forja_f32_difference: exactOff,
        pytorch: { ...there, difference: thereOff },
      });
      rows.push(line(`forja, ${type}`, here, '', hereOff!.toExponential(1)));
      rows.push(line(`PyTorch, ${configuration}`, there, ratio.toFixed(2), thereOff!.toExponential(1)));
    }
    output.text(table(rows, ''));
    if (!alike) throw new Error('Forja and PyTorch in float32 do not lose alike: see the largest differences.');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function line(
  name: string,
  { tokens_per_second, peak_memory_bytes, losses }: Outcome,
  ratio: string,
  difference: string,
) {
  const speed = `${tokens_per_second.toFixed(0)} tok/s`;
  return [name, speed, ratio, bytes(peak_memory_bytes), losses.at(-1)!.toFixed(4), difference];
}

/** Rows of max_seq_len tokens out of the project's own prose, every token supervised. */
async function makeRows(model_path: string, folder: string): Promise<void> {
  const prose = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'README.md']
    .map((name) => readFileSync(join(import.meta.dirname, '../..', name), 'utf8'))
    .join('\n');
  const tokenizer = tokenizerOf(model_path, { max_seq_len })(join(folder, 'rows.fjt'));
  for (let row = 0; row < micro_batch_size; row++) {
    // Six characters are more than a token.
    const from = (row * max_seq_len * 3) % Math.max(1, prose.length - max_seq_len * 6);
    const text = prose.repeat(1 + Math.ceil((max_seq_len * 6) / prose.length)).slice(from, from + max_seq_len * 6);
    tokenizer.stdin.write(`${JSON.stringify({ row: row + 1, segments: [[text, 1]] })}\n`);
  }
  tokenizer.stdin.end();
  await tokenizer.result;
  await writeFile(join(folder, 'rows.json'), JSON.stringify({ rows: readRows(join(folder, 'rows.fjt')) }));
}

/** The ids in a token file (native/src/data/token-file.hpp), each row cut to max_seq_len. */
function readRows(path: string): number[][] {
  const file = readFileSync(path);
  const n_rows = Number(file.readBigUInt64LE(8));
  const index = Number(file.readBigUInt64LE(32));
  return Array.from({ length: n_rows }, (_, row) => {
    const first = Number(file.readBigUInt64LE(index + 32 * row));
    const count = Math.min(max_seq_len, file.readUInt32LE(index + 32 * row + 8));
    if (count < max_seq_len) throw new Error(`Row ${row} has only ${count} tokens.`);
    return Array.from({ length: count }, (__, at) => file.readUInt32LE(64 + 4 * (first + at)) & 0x7fffffff);
  });
}

/** An adapter before training, as a GGUF for this side and as a PEFT folder for the other. */
async function makeAdapter(model_path: string, folder: string): Promise<void> {
  const { adapter_path } = await runJob<'train'>(
    completeJob('train', {
      ...adapterSettings(),
      model_path,
      train_tokens_path: join(folder, 'rows.fjt'),
      out_dir: join(folder, 'adapter'),
      learning_rate: 0,
      max_steps: 1,
    }),
  );
  if (adapter_path === null) throw new Error('The trainer gave no adapter.');
  const peft = { model_path, adapter_path, format: 'peft', output_path: join(folder, 'peft') } as const;
  await runJob<'export'>(completeJob('export', peft));
}

/** All linear layers, which is the trainer's default. */
function adapterSettings() {
  const lora_rank = Number(args['lora-rank']);
  return {
    lora_rank,
    lora_alpha: 2 * lora_rank,
    lr_scheduler: 'constant',
    warmup_ratio: 0,
    max_seq_len,
    threads,
  } as const;
}

function largestDifference(a: number[], b: number[]): number {
  if (a.length !== b.length) throw new Error(`${a.length} steps beside ${b.length}.`);
  return Math.max(...a.map((loss, at) => Math.abs(loss - b[at]!)));
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

await runBench(args.json, compare);
