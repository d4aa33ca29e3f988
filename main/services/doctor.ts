import { existsSync, mkdirSync, statfsSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { toReport } from '../contracts/errors.ts';
import type { Device, IpcResponse } from '../contracts/ipc.ts';
import { completeJob } from '../contracts/protocol.ts';
import { dataDir, type ForjaDb } from '../db/index.ts';
import { cacheDir, sampleModelPath } from '../models/index.ts';
import { locateTrainer, runJob } from '../trainer/index.ts';
import { findNvidia, nvidiaUse } from './nvidia.ts';

export type Finding = IpcResponse<'app.doctor'>['findings'][number];
type Details = Finding['details'];

/**
 * Looks whether all that Forja needs is here, and what can compute. Screens and command line write sentences from codes and
 * details.
 * @param openDatabase gives the database, or throws why it can't
 */
export async function examine(openDatabase: () => ForjaDb): Promise<{ findings: Finding[]; devices: Device[] }> {
  const devices: Device[] = [];
  const trainer = await attempt('trainer', async () => {
    const path = locateTrainer();
    const found = await runJob<'devices'>(completeJob('devices', {}));
    devices.push(...found.devices);
    const names = found.devices.map(({ name, description, backend }) => `${name} (${description}, ${backend})`);
    const { llama_cpp_release, cpu_features } = found;
    return { path, llama_cpp_release, devices: names.join('; '), cpu_features };
  });
  const findings: Finding[] = [
    fine('machine', {
      processors: availableParallelism(),
      memory_free_bytes: freemem(),
      memory_total_bytes: totalmem(),
    }),
    trainer,
    // Only the trainer knows what it can use.
    ...(trainer.ok ? nvidia(devices) : []),
    await attempt('database', () => {
      const { path, runs } = openDatabase();
      return { path, runs: runs.list().length, disk_free_bytes: freeSpace(dataDir()) };
    }),
    await attempt('cache', () => {
      mkdirSync(cacheDir(), { recursive: true });
      return { path: cacheDir(), disk_free_bytes: freeSpace(cacheDir()) };
    }),
    {
      code: 'sample_model',
      ok: existsSync(sampleModelPath()),
      optional: true,
      details: { path: sampleModelPath() },
      error: null,
    },
  ];
  return { findings, devices };
}

/** Nothing where there is no NVIDIA driver. Optional: the CPU is enough, and Vulkan uses the same GPU. */
function nvidia(devices: readonly Device[]): Finding[] {
  const parts = findNvidia();
  return parts === null ? [] : [{ code: 'nvidia', optional: true, error: null, ...nvidiaUse(devices, parts) }];
}

/** A finding of something that is as it should be. */
export function fine(code: Finding['code'], details: Details): Finding {
  return { code, ok: true, optional: false, details, error: null };
}

async function attempt(code: Finding['code'], look: () => Details | Promise<Details>): Promise<Finding> {
  try {
    return fine(code, await look());
  } catch (thrown) {
    const { code: error_code, message, hint, details } = toReport(thrown);
    const error = { code: error_code, message, hint, details };
    return { code, ok: false, optional: false, details: {}, error };
  }
}

/** A finding as a line of a bug's report, which is English: it goes to whoever mends the fault. */
export function reported({ code, ok, optional, details, error }: Finding): string {
  const parts = Object.entries(details).map(([name, value]) => `${name}: ${value}`);
  const text = error === null ? parts.join(', ') : `${error.code}: ${error.message}`;
  return `${ok ? '✓' : optional ? '–' : '✗'} ${code} – ${text}\n`;
}

function freeSpace(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}
