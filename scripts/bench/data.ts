/**
 * How fast a dataset is read, audited, rendered and tokenised, and how much memory the two processes take.
 *
 *   npm run bench:data [-- --rows 100000 --text FILE --model GGUF --enough-rows N --json]
 *
 * Rows are question and answer, made of words of FILE (default: the packages' own documentation) in random places, so that
 * word and punctuation are real and no two rows are alike; a process of its own makes them, so that its words are not counted as
 * memory of the core. Speeds are MB of the dataset a second: of the clock, and of the CPU time of each process. The trainer's CPU
 * time and peak memory are read from /proc, so on Linux only.
 */
import { execFile } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import type { Output } from '../../main/cli/lib/output.ts';
import { completeJob } from '../../main/contracts/protocol.ts';
import { openTemplate, prepareTokens, type TokenizeResult } from '../../main/datasets/index.ts';
import { inspectTrainable } from '../../main/models/index.ts';
import { startTrainer } from '../../main/trainer/index.ts';
import { runBench, sampleModel } from './harness.ts';

const { values: args } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    text: { type: 'string' },
    model: { type: 'string' },
    'enough-rows': { type: 'string' },
    'write-to': { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

/** Words in the order of a real text. */
async function words(): Promise<string[]> {
  if (args.text !== undefined) return (await readFile(args.text, 'utf8')).split(/\s+/);
  const root = new URL('../../node_modules/', import.meta.url).pathname;
  const texts: string[] = [];
  for (const name of (await readdir(root)).sort()) {
    texts.push(await readFile(join(root, name, 'README.md'), 'utf8').catch(() => ''));
  }
  return texts.join('\n').split(/\s+/);
}

async function writeRows(path: string, count: number): Promise<void> {
  const all = await words();
  let seed = 1;
  const below = (n: number) => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % n;
  const take = (n: number) => {
    const at = below(all.length - n);
    return all.slice(at, at + n).join(' ');
  };
  const file = createWriteStream(path);
  for (let i = 0; i < count; i++) {
    const row = { instruction: `${take(8 + below(12))}?`, output: take(20 + below(40)) };
    if (!file.write(`${JSON.stringify(row)}\n`))
      await new Promise<void>((resolve) => file.once('drain', () => resolve()));
  }
  await new Promise<void>((resolve) => file.end(() => resolve()));
}

/** CPU time in seconds and peak memory in bytes of a process, as last seen; zeros where there is no /proc. */
function watch(pid: number): { cpu_s: number; peak_bytes: number } {
  const seen = { cpu_s: 0, peak_bytes: 0 };
  const look = () => {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
      seen.cpu_s = (Number(fields[11]) + Number(fields[12])) / 100;
      const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      seen.peak_bytes = Math.max(seen.peak_bytes, Number(peak ?? 0) * 1024);
    } catch {
      // It has ended.
    }
  };
  setInterval(look, 20).unref();
  return seen;
}

async function bench(output: Output): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'forja-bench-data-'));
  try {
    const data_path = join(dir, 'rows.jsonl');
    await promisify(execFile)(process.execPath, [...process.argv.slice(1), '--write-to', data_path]);
    const mb = (await stat(data_path)).size / 1e6;
    const model_path = args.model ?? (await sampleModel(output));
    const template = openTemplate(await inspectTrainable(model_path));
    let trainer = { cpu_s: 0, peak_bytes: 0 };
    const cpuBefore = process.cpuUsage();
    const from = performance.now();
    const { audit } = await prepareTokens({
      data_path,
      template,
      out_dir: dir,
      max_seq_len: 512,
      enough_rows: args['enough-rows'] === undefined ? null : Number(args['enough-rows']),
      startTokenizer: (output_path, dataset_rows = 0) => {
        const started = startTrainer<'tokenize'>(
          completeJob('tokenize', { model_path, output_path, max_seq_len: 512, dataset_rows }),
          {},
        );
        trainer = watch(started.pid!);
        const result = started.finished.then((ended) => ended.result as unknown as TokenizeResult);
        return { stdin: started.stdin, result, kill: () => started.kill() };
      },
    });
    const wall_s = (performance.now() - from) / 1000;
    const cpu = process.cpuUsage(cpuBefore);
    const core_s = (cpu.user + cpu.system) / 1e6;
    const found = {
      rows: audit.data.rows_used,
      megabytes: mb,
      tokens: audit.train.tokens,
      wall_s,
      megabytes_per_second: mb / wall_s,
      core_megabytes_per_cpu_second: mb / core_s,
      trainer_megabytes_per_cpu_second: trainer.cpu_s > 0 ? mb / trainer.cpu_s : null,
      core_peak_bytes: process.resourceUsage().maxRSS * 1024,
      trainer_peak_bytes: trainer.peak_bytes,
    };
    output.text(
      `${found.rows} rows, ${mb.toFixed(0)} MB, ${(found.tokens / 1e6).toFixed(1)} M tokens in ${wall_s.toFixed(1)} s: ` +
        `${found.megabytes_per_second.toFixed(1)} MB/s; core ${found.core_megabytes_per_cpu_second.toFixed(1)}, ` +
        `trainer ${found.trainer_megabytes_per_cpu_second?.toFixed(1) ?? '?'} MB a CPU second; peak memory ` +
        `${(found.core_peak_bytes / 1e6).toFixed(0)} and ${(found.trainer_peak_bytes / 1e6).toFixed(0)} MB`,
    );
    output.result('bench_data', found);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

if (args['write-to'] === undefined) await runBench(args.json, bench);
else await writeRows(args['write-to'], Number(args.rows));
