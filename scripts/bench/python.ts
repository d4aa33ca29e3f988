import { execFile, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Output } from '../../main/cli/lib/output.ts';
import { cacheDir } from '../../main/models/index.ts';

const run = promisify(execFile);
const HERE = join(import.meta.dirname, '../../native/bench/pytorch');

/** Steps that train.py leaves out of its speed: compilation and first allocations. */
export const WARM_UP_STEPS = 2;

/** What train.py measured. */
export interface PythonOutcome {
  losses: number[];
  tokens_per_second: number;
  peak_memory_bytes: number;
  peak_device_bytes: number;
  /** What the base was held in: float32, bfloat16 or nf4. */
  base_type: string;
  device: string;
}

/**
 * Trains with PyTorch and PEFT (native/bench/pytorch/train.py).
 * @param options train.py's, without the dashes
 * @throws Error with the last line that it wrote
 */
export async function trainInPython(
  python: string,
  options: Record<string, string | number | boolean>,
): Promise<PythonOutcome> {
  const args = Object.entries(options).flatMap(([name, value]) =>
    typeof value === 'boolean' ? (value ? [`--${name}`] : []) : [`--${name}`, String(value)],
  );
  const env = options.threads === undefined ? {} : { OMP_NUM_THREADS: String(options.threads) };
  try {
    const { stdout } = await run(python, [join(HERE, 'train.py'), ...args], {
      env: { ...process.env, ...env },
      maxBuffer: 2 ** 26,
    });
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as PythonOutcome;
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1);
    throw new Error(`PyTorch failed: ${said ?? String(error)}`, { cause: error });
  }
}

const folder = join(cacheDir(), 'bench', 'pytorch');
const isWindows = process.platform === 'win32';
const ownPython = join(folder, isWindows ? 'Scripts/python.exe' : 'bin/python');
const ready = join(folder, 'ready');

/** The Python to train with, whether or not it has PyTorch: FORJA_BENCH_PYTHON, our own environment, or the machine's. */
export function installedPython(): string {
  return process.env.FORJA_BENCH_PYTHON ?? (existsSync(ready) ? ownPython : isWindows ? 'python' : 'python3');
}

/** As installedPython, but that our own environment is made when it isn't there: what requirements.txt names, in the cache folder. */
export function pythonWithTorch(output: Output): string {
  if (process.env.FORJA_BENCH_PYTHON !== undefined || existsSync(ready)) return installedPython();
  output.progress('making a Python environment with PyTorch (about 2 GB, once)', true);
  const must = (program: string, ...options: string[]) => {
    const { status } = spawnSync(program, options, { stdio: output.isJson ? 'ignore' : 'inherit' });
    if (status !== 0) throw new Error(`${program} ${options.join(' ')} failed.`);
  };
  must(installedPython(), '-m', 'venv', folder);
  must(ownPython, '-m', 'pip', 'install', '--quiet', '--requirement', join(HERE, 'requirements.txt'));
  writeFileSync(ready, '');
  return ownPython;
}
