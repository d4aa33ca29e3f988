/**
 * The benchmark: how fast the trainer is, and with how much memory, beside llama.cpp's own forward pass over the same file in
 * the same run. `ratio_to_q8_0_forward` is training speed over the forward speed of the Q8_0 file.
 *
 *   npm run bench [-- --types f16,q8_0,q4_0,q4_k_m --max-seq-len 512,2048 --micro-batch-size 1,4 --lora-dropout 0 --threads 2 --steps 3
 *                     --device cpu --profile --json]
 *
 * With --profile also where a step's time goes: each product's and each other operation's share, and the products' speed
 * beside the machine's peak.
 */
import { parseArgs } from 'node:util';
import { bytes, table } from '../../main/cli/lib/format.ts';
import type { Output } from '../../main/cli/lib/output.ts';
import { completeJob, jobSettings } from '../../main/contracts/protocol.ts';
import type { BenchJob, BenchResult } from '../../main/contracts/protocol-types.ts';
import { runJob } from '../../main/trainer/index.ts';
import { readNumbers, runBench, sampleModel, STEP_OPTIONS } from './harness.ts';
import { modelsOf, type BaseType } from './models.ts';

const { values: args } = parseArgs({
  options: {
    ...STEP_OPTIONS,
    types: { type: 'string', default: 'f16,bf16,q8_0,q4_0,q4_1,q4_k_m' },
    'lora-dropout': { type: 'string', default: '0' },
    device: { type: 'string', default: 'cpu' },
    profile: { type: 'boolean', default: false },
  },
});
const settings = {
  lora_rank: Number(args['lora-rank']),
  lora_dropout: Number(args['lora-dropout']),
  threads: Number(args.threads),
  steps: Number(args.steps),
  device: args.device,
};

/** One size of a step. */
interface Size {
  max_seq_len: number;
  micro_batch_size: number;
}

async function bench(output: Output): Promise<void> {
  const types = readTypes(args.types);
  const sample = await sampleModel(output);
  // The Q8_0 file's forward speed is the measure for all of them.
  const models = await modelsOf(sample, [...new Set<BaseType>([...types, 'q8_0'])], (text) =>
    output.progress(text, true),
  );
  for (const max_seq_len of readNumbers(args['max-seq-len'])) {
    const reference = await measure(output, models.get('q8_0')!, 'forward', { max_seq_len, micro_batch_size: 1 });
    output.text(
      `SmolLM2-135M, max_seq_len ${max_seq_len}, rank ${settings.lora_rank}, all linear layers, ${reference.threads} threads; ` +
        `llama.cpp's forward pass over the Q8_0 file: ${reference.tokens_per_second.toFixed(0)} tok/s\n`,
    );
    for (const micro_batch_size of readNumbers(args['micro-batch-size']))
      await compare(output, types, models, reference, { max_seq_len, micro_batch_size });
  }
  if (args.profile) await profile(output, models.get(types[0]!)!);
}

/** Trains each type at one size, and writes a table of them. */
async function compare(
  output: Output,
  types: BaseType[],
  models: Map<BaseType, string>,
  reference: BenchResult,
  size: Size,
): Promise<void> {
  const rows: string[][] = [
    ['TYPE', 'ROWS', 'TRAIN', 'FORWARD', 'TO ITS FORWARD', 'TO Q8_0 FORWARD', 'PEAK OVER FILE'],
  ];
  for (const type of types) {
    const path = models.get(type)!;
    const forward =
      type === 'q8_0' ? reference : await measure(output, path, 'forward', { ...size, micro_batch_size: 1 });
    const train = await measure(output, path, 'train', size);
    const ratio_to_forward = train.tokens_per_second / forward.tokens_per_second;
    const ratio_to_q8_0_forward = train.tokens_per_second / reference.tokens_per_second;
    output.row({
      base_type: type,
      max_seq_len: train.max_seq_len,
      micro_batch_size: train.micro_batch_size,
      lora_rank: settings.lora_rank,
      threads: train.threads,
      device: settings.device,
      tokens_per_second: train.tokens_per_second,
      forward_tokens_per_second: forward.tokens_per_second,
      ratio_to_forward,
      ratio_to_q8_0_forward,
      peak_memory_bytes: train.peak_memory_bytes,
      file_size_bytes: train.file_size_bytes,
    });
    rows.push([
      type,
      String(size.micro_batch_size),
      `${train.tokens_per_second.toFixed(0)} tok/s`,
      `${forward.tokens_per_second.toFixed(0)} tok/s`,
      ratio_to_forward.toFixed(3),
      ratio_to_q8_0_forward.toFixed(3),
      bytes(train.peak_memory_bytes - train.file_size_bytes),
    ]);
  }
  output.text(table(rows, ''));
}

/** Where a step's time goes, on the first type at the first size. */
async function profile(output: Output, path: string): Promise<void> {
  const [max_seq_len, micro_batch_size] = [
    readNumbers(args['max-seq-len'])[0]!,
    readNumbers(args['micro-batch-size'])[0]!,
  ];
  const result = await measure(output, path, 'profile', { max_seq_len, micro_batch_size });
  const { operations = [], peak_gflops = 0 } = result;
  output.row({ base_type: result.base_type, max_seq_len, micro_batch_size, peak_gflops, operations });
  const rows = operations.map(({ operation, share, ms_per_step, gflops }) => [
    operation,
    `${(100 * share).toFixed(1)} %`,
    `${ms_per_step.toFixed(1)} ms`,
    gflops > 0 ? `${gflops.toFixed(0)} GFLOPS` : '',
    gflops > 0 && peak_gflops > 0 ? `${((100 * gflops) / peak_gflops).toFixed(0)} %` : '',
  ]);
  output.text(
    `\nWhere a step's time goes (${result.base_type}); peak of ${result.threads} threads: ${peak_gflops.toFixed(0)} GFLOPS\n`,
  );
  output.text(table([['OPERATION', 'SHARE', 'A STEP', 'SPEED', 'OF PEAK'], ...rows], ''));
}

async function measure(output: Output, model_path: string, mode: BenchJob['mode'], size: Size): Promise<BenchResult> {
  output.progress(`measuring ${mode}: ${model_path}`, true);
  return await runJob<'bench'>(completeJob('bench', { ...settings, ...size, model_path, mode }));
}

function readTypes(text: string): BaseType[] {
  const known = jobSettings('export').output_type?.enum ?? [];
  const types = text.toLowerCase().split(',');
  const unknown = types.find((type) => !known.includes(type) || type === 'same');
  if (unknown === undefined) return types as BaseType[];
  throw Object.assign(new Error(`There is no type ${unknown}.`), {
    code: 'usage',
    hint: `--types takes a list out of ${known.filter((type) => type !== 'same').join(', ')}.`,
  });
}

await runBench(args.json, bench);
