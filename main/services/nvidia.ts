import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import type { Device } from '../contracts/ipc.ts';

/** What of NVIDIA this machine has; null where there is no driver. */
export interface NvidiaParts {
  /** llama.cpp's CUDA backend is installed: checkouts have it, the packaged app has Vulkan only. */
  has_backend: boolean;
  /** Libraries of CUDA's runtime that the backend needs and that are not found. */
  missing: string[];
}

/** How an NVIDIA GPU is used here, and why not through CUDA. */
export interface NvidiaUse {
  ok: boolean;
  details: {
    through: 'CUDA' | 'Vulkan' | 'none';
    /** Why CUDA is not used: a library is missing, the backend is there and did not start, or it is not part of this build. */
    why: 'used' | 'libraries' | 'driver' | 'build';
    missing: string;
  };
}

/** @param devices what the trainer found */
export function nvidiaUse(devices: readonly Device[], { has_backend, missing }: NvidiaParts): NvidiaUse {
  const isUsed = (backend: string) =>
    devices.some((device) => device.backend === backend && (backend === 'CUDA' || /nvidia/i.test(device.description)));
  const through = isUsed('CUDA') ? 'CUDA' : isUsed('Vulkan') ? 'Vulkan' : 'none';
  const why = through === 'CUDA' ? 'used' : !has_backend ? 'build' : missing.length > 0 ? 'libraries' : 'driver';
  // Without the backend nobody can do more than use Vulkan; with it, something is left to do.
  return {
    ok: why === 'used' || (why === 'build' && through === 'Vulkan'),
    details: { through, why, missing: missing.join(', ') },
  };
}

const isWindows = process.platform === 'win32';
// What the CUDA backend of the pinned node-llama-cpp is linked to.
const LIBRARIES = isWindows ? ['cudart64_13.dll', 'cublas64_13.dll'] : ['libcudart.so.13', 'libcublas.so.13'];

/** Looks for the driver, the backend and its libraries. */
export function findNvidia(): NvidiaParts | null {
  const driver = isWindows
    ? join(process.env.SystemRoot ?? 'C:\\Windows', 'System32', 'nvcuda.dll')
    : '/proc/driver/nvidia/version';
  if (!existsSync(driver)) return null;
  return { has_backend: hasBackend(), missing: missingLibraries() };
}

function hasBackend(): boolean {
  try {
    createRequire(import.meta.url).resolve(`@node-llama-cpp/${isWindows ? 'win' : 'linux'}-x64-cuda`);
    return true;
  } catch {
    return false;
  }
}

function missingLibraries(): string[] {
  const folders = ((isWindows ? process.env.PATH : process.env.LD_LIBRARY_PATH) ?? '').split(delimiter);
  // By its path: it isn't on everybody's PATH.
  const { status, stdout } = spawnSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' });
  const known = status === 0 ? stdout : '';
  return LIBRARIES.filter((name) => !known.includes(name) && !folders.some((folder) => existsSync(join(folder, name))));
}
