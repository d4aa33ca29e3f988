/**
 * Campaigns of the core: mutated datasets, templates and messages of the window.
 *
 *   node scripts/fuzz/run.ts datasets|templates|messages [--runs 1000] [--first 0] [--seed 1] [--keep FOLDER]
 *
 * Inputs follow from seed and number. They run in a thread with a memory of its own; one that takes more than 5 s of processor time,
 * or all of that memory, or fails without a code, goes to FOLDER, and the next follow. The last line is JSON; exit code 1 when something
 * was found.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { campaignOf } from './campaigns.ts';

const HANG_MS = 5000;
const MEMORY_MB = 512;
const PIECE = 2000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '1000' },
    first: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    keep: { type: 'string', default: 'findings' },
  },
});
const name = positionals[0] ?? '';
const campaign = await campaignOf(name);
const seed = Number(values.seed);
const first = Number(values.first);
const end = first + Number(values.runs);
const codes: Record<string, number> = {};
let found = 0;
let peak_rss_bytes = 0;

function keep(index: number, what: string): void {
  found += 1;
  mkdirSync(values.keep, { recursive: true });
  const path = join(values.keep, `${name}-${seed}-${index}`);
  writeFileSync(path, campaign.input(seed, index));
  process.stderr.write(`FOUND ${path}: ${what}\n`);
}

/** Runs inputs from `from` on; resolves with the first that was not tried. */
function piece(from: number): Promise<number> {
  const board = new Int32Array(new SharedArrayBuffer(4));
  board[0] = from;
  const last = Math.min(end, from + PIECE);
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: { name, seed, first: from, last, board },
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  });
  return new Promise((resolve) => {
    let seen = -1;
    let cpu = process.cpuUsage();
    let hung = false;
    let failed: string | null = null;
    const watch = setInterval(() => {
      peak_rss_bytes = Math.max(peak_rss_bytes, process.memoryUsage.rss());
      const at = Atomics.load(board, 0);
      if (at !== seen) {
        seen = at;
        cpu = process.cpuUsage();
        return;
      }
      const { user, system } = process.cpuUsage(cpu);
      if ((user + system) / 1000 < HANG_MS || hung) return;
      hung = true;
      void worker.terminate();
    }, 100);
    worker.on('message', (message: { found?: number; what?: string; codes?: Record<string, number> }) => {
      if (message.found !== undefined) keep(message.found, message.what ?? '');
      for (const [code, count] of Object.entries(message.codes ?? {})) codes[code] = (codes[code] ?? 0) + count;
    });
    worker.on('error', (error: NodeJS.ErrnoException) => {
      failed = error.code ?? error.message;
    });
    worker.on('exit', () => {
      clearInterval(watch);
      const at = Atomics.load(board, 0);
      if (at < last) keep(at, hung ? 'a hang of over 5 s' : `it ended: ${failed ?? 'without a word'}`);
      resolve(at < last ? at + 1 : last);
    });
  });
}

const began = Date.now();
for (let at = first; at < end;) at = await piece(at);
await campaign.close?.();
const summary = {
  campaign: name,
  seed,
  runs: end - first,
  findings: found,
  peak_rss_bytes,
  seconds: (Date.now() - began) / 1000,
  codes,
};
process.stdout.write(`${JSON.stringify(summary)}\n`);
process.exit(found > 0 ? 1 : 0);
