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

/** Looks whether all that the app needs is here, and what can compute. */
export async function examine(host: Host, db: ForjaDb): Promise<Doctor> {
  const { version, electron_version, chrome_version, node_version, platform, arch, is_packaged } = host.info();
  const devices: Device[] = [];
  const findings: Finding[] = [
    fine('Forja', `${version}${is_packaged ? '' : ' (from a checkout)'}`),
    fine('Electron', `${electron_version}, Chrome ${chrome_version}, Node ${node_version} on ${platform} ${arch}`),
    fine(
      'Machine',
      `${availableParallelism()} processors, ${gigabytes(freemem())} of ${gigabytes(totalmem())} memory free`,
    ),
    await attempt('Trainer', async () => {
      const path = locateTrainer();
      const found = await runJob<'devices'>(completeJob('devices', {}));
      devices.push(...found.devices);
      const names = found.devices.map(({ name, description, backend }) => `${name} (${description}, ${backend})`);
      return `${path}, llama.cpp ${found.llama_cpp_release}; ${names.join('; ')}; ${found.cpu_features}`;
    }),
    await attempt('Database', () => `${db.path}, ${db.runs.list().length} runs, ${freeSpace(dataDir())} free`),
    await attempt('Cache', () => {
      mkdirSync(cacheDir(), { recursive: true });
      return `${cacheDir()}, ${freeSpace(cacheDir())} free`;
    }),
    {
      name: 'Sample model',
      ok: existsSync(sampleModelPath()),
      optional: true,
      text: sampleModelPath(),
      hint: '“Try the sample” fetches it.',
    },
  ];
  const report = findings.map(({ name, ok, optional, text }) => `${ok ? '✓' : optional ? '–' : '✗'} ${name}: ${text}`);
  return { findings, devices, report: `${report.join('\n')}\n` };
}

function fine(name: string, text: string): Finding {
  return { name, ok: true, optional: false, text, hint: null };
}

async function attempt(name: string, look: () => string | Promise<string>): Promise<Finding> {
  try {
    return fine(name, await look());
  } catch (error) {
    const { message, hint } = toReport(error);
    return { name, ok: false, optional: false, text: message, hint };
  }
}

function freeSpace(path: string): string {
  const { bavail, bsize } = statfsSync(path);
  return gigabytes(bavail * bsize);
}

function gigabytes(value: number): string {
  return `${(value / 1e9).toFixed(1)} GB`;
}
