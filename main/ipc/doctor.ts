import { existsSync, mkdirSync, statfsSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { toReport } from '../contracts/errors.ts';
import type { Device, IpcResponse } from '../contracts/ipc.ts';
import { completeJob } from '../contracts/protocol.ts';
import { dataDir, type ForjaDb } from '../db/index.ts';
import { cacheDir, sampleModelPath } from '../models/index.ts';
import { locateTrainer, runJob } from '../trainer/index.ts';
import type { Host } from './host.ts';

type Doctor = IpcResponse<'app.doctor'>;
type Finding = Doctor['findings'][number];
type Details = Finding['details'];

/**
 * Looks whether all that the app needs is here, and what can compute. The screens write sentences from codes and details; the
 * report for a bug has them as they are.
 */
export async function examine(host: Host, db: ForjaDb): Promise<Doctor> {
  const { version, electron_version, chrome_version, node_version, platform, arch, is_packaged } = host.info();
  const devices: Device[] = [];
  const findings: Finding[] = [
    fine('forja', { version, is_packaged }),
    fine('electron', { electron_version, chrome_version, node_version, platform, arch }),
    fine('machine', {
      processors: availableParallelism(),
      memory_free_bytes: freemem(),
      memory_total_bytes: totalmem(),
    }),
    await attempt('trainer', async () => {
      const path = locateTrainer();
      const found = await runJob<'devices'>(completeJob('devices', {}));
      devices.push(...found.devices);
      const names = found.devices.map(({ name, description, backend }) => `${name} (${description}, ${backend})`);
      const { llama_cpp_release, cpu_features } = found;
      return { path, llama_cpp_release, devices: names.join('; '), cpu_features };
    }),
    await attempt('database', () => ({
      path: db.path,
      runs: db.runs.list().length,
      disk_free_bytes: freeSpace(dataDir()),
    })),
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
  return { findings, devices, report: findings.map(reported).join('') };
}

function fine(code: Finding['code'], details: Details): Finding {
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

/** A finding as a line of the report, which is English: it goes to whoever mends the fault. */
function reported({ code, ok, optional, details, error }: Finding): string {
  const parts = Object.entries(details).map(([name, value]) => `${name}: ${value}`);
  const text = error === null ? parts.join(', ') : `${error.code}: ${error.message}`;
  return `${ok ? '✓' : optional ? '–' : '✗'} ${code} – ${text}\n`;
}

function freeSpace(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}
