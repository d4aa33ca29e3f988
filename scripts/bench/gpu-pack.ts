/**
 * A folder that measures a GPU machine without Node and without a network: `npm run bench:gpu -- --pack DIR [--cuda-architectures 90]`.
 * It has the trainer, the device tests, the program that makes random models, llama.cpp's libraries with the CUDA code of the chosen
 * architectures, and run.sh, which does all of it within eight minutes. Linux x86-64.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { completeJob } from '../../main/contracts/protocol.ts';
import { keepArchitectures } from './pack/fatbin.ts';

const ROOT = join(import.meta.dirname, '../..');
const BUILD = join(ROOT, 'native/build');
const PACKAGES = join(ROOT, 'node_modules/@node-llama-cpp');
const TESTS = ['parity', 'memory', 'attention', 'operations'].map((name) => `tests/device-${name}-test`);
const PROGRAMS = ['forja-trainer', 'tests/forja-fixtures', ...TESTS];
/** Models in the order in which they are measured. */
const SHAPES = ['smollm2-135m', 'llama-3.1-8b'];
const ALL = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'];
/** Adapters in order of interest: the one that is compared most, then the smallest. */
const CASES = [
  { lora_rank: 16, target_modules: ALL, micro_batch_size: 8 },
  { lora_rank: 8, target_modules: ['q', 'v'], micro_batch_size: 8 },
  { lora_rank: 16, target_modules: ALL, micro_batch_size: 1 },
  { lora_rank: 8, target_modules: ['q', 'v'], micro_batch_size: 1 },
];

/**
 * Writes the pack.
 * @param folder made; must be empty or missing
 * @param architectures of the cards, such as 80, 89, 90
 * @returns what was kept of the CUDA library
 * @throws Error when the folder holds something, or a program or package is missing
 */
export function writePack(folder: string, architectures: readonly number[]) {
  if (existsSync(folder) && readdirSync(folder).length > 0) throw new Error(`${folder} is not empty.`);
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const program of PROGRAMS) {
    const target = join(bin, basename(program));
    copyFileSync(join(BUILD, program), target);
    execFileSync('strip', [target]);
  }
  copyLibraries(join(PACKAGES, 'linux-x64/bins/linux-x64'), bin);
  copyRuntime(bin);
  const cuda = readFileSync(join(PACKAGES, 'linux-x64-cuda/bins/linux-x64-cuda/libggml-cuda.so'));
  const kept = keepArchitectures(cuda, architectures);
  writeFileSync(join(bin, 'libggml-cuda.so'), cuda);
  writeJobs(join(folder, 'jobs'));
  mkdirSync(join(folder, 'pytorch'));
  copyFileSync(join(ROOT, 'native/bench/pytorch/train.py'), join(folder, 'pytorch/train.py'));
  copyFileSync(join(import.meta.dirname, 'pack/run.sh'), join(folder, 'run.sh'));
  chmodSync(join(folder, 'run.sh'), 0o755);
  return kept;
}

/** The pack as one compressed file beside it. @returns its path */
export function compressPack(folder: string): string {
  const file = `${folder}.tar.xz`;
  rmSync(file, { force: true });
  execFileSync('tar', ['-C', dirname(folder), '-cf', file, '-I', 'xz --lzma2=preset=6,dict=64MiB', basename(folder)]);
  return file;
}

/** Processors of machines without a GPU worth measuring, or whose code is a neighbour's but for little. */
const LEFT_OUT = /cpu-(sandybridge|ivybridge|piledriver|cannonlake|alderlake|cascadelake|cooperlake)/;

function copyLibraries(from: string, to: string): void {
  for (const file of readdirSync(from)) {
    const isNeeded = /\.so(\.|$)/.test(file) && !/common|addon/.test(file) && !LEFT_OUT.test(file);
    if (isNeeded) copyFileSync(join(from, file), join(to, file));
  }
}

/** The C++ runtime that the programs were built with: a GPU machine's may be older. */
function copyRuntime(bin: string): void {
  const listed = execFileSync('ldd', [join(bin, 'forja-trainer')], {
    encoding: 'utf8',
    env: { ...process.env, LD_LIBRARY_PATH: bin },
  });
  for (const name of ['libstdc++.so.6', 'libgcc_s.so.1', 'libgomp.so.1']) {
    const path = new RegExp(`${name.replaceAll('+', '\\+')} => (\\S+)`).exec(listed)?.[1];
    if (path !== undefined) copyFileSync(path, join(bin, name));
  }
}

/** Job files in which run.sh puts the device and the folder of the models; names say the order. */
function writeJobs(folder: string): void {
  mkdirSync(folder);
  const write = (name: string, job: object) => writeFileSync(join(folder, name), `${JSON.stringify(job)}\n`);
  write('devices.json', completeJob('devices', {}));
  for (const shape of SHAPES) {
    const common = { model_path: `WORK/${shape}.gguf`, device: 'DEVICE', max_seq_len: 512, steps: 5 };
    for (const [at, one] of CASES.entries()) {
      const name = `${shape}.${at + 1}-rank${one.lora_rank}-${one.target_modules.length === ALL.length ? 'all' : one.target_modules.join('-')}-${one.micro_batch_size}x512.json`;
      write(
        name,
        completeJob('bench', { ...common, ...one, mode: 'train' } as Parameters<typeof completeJob<'bench'>>[1]),
      );
    }
    write(`${shape}.5-forward.json`, completeJob('bench', { ...common, mode: 'forward' }));
    write(
      `${shape}.6-profile.json`,
      completeJob('bench', { ...common, ...CASES[0], mode: 'profile', steps: 1 } as Parameters<
        typeof completeJob<'bench'>
      >[1]),
    );
  }
  writeFileSync(join(folder, 'shapes'), `${SHAPES.join('\n')}\n`);
  const options = CASES.map(
    ({ lora_rank, target_modules, micro_batch_size }) =>
      `--lora-rank ${lora_rank} --target-modules ${target_modules.join(',')} --max-seq-len 512 --micro-batch-size ${micro_batch_size}`,
  );
  writeFileSync(join(folder, 'pytorch'), options.map((one) => `llama-3.1-8b ${one}\n`).join(''));
}
