import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statfsSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { EXIT } from '../../contracts/errors.ts';
import { completeJob } from '../../contracts/protocol.ts';
import { dataDir, openDb } from '../../db/index.ts';
import { cacheDir, sampleModelPath } from '../../models/index.ts';
import { locateTrainer, runJob } from '../../trainer/index.ts';
import type { Command } from '../lib/command.ts';
import { bytes } from '../lib/format.ts';

/** One thing that was looked at. */
interface Finding {
  name: string;
  ok: boolean;
  /** Forja works without it. */
  optional?: boolean;
  text: string;
  hint?: string;
}

export const doctor: Command = {
  name: 'doctor',
  summary: 'Look whether all that Forja needs is here, and what can compute',
  groups: [],
  run: async (_args, output) => {
    const findings = [node(), memory(), await trainer(), database(), cache(), sampleModel(), ...tools()];
    for (const { name, ok, optional, text, hint } of findings) {
      output.text(`${ok ? '✓' : optional ? '–' : '✗'} ${name.padEnd(14)} ${text}`);
      if (!ok && hint !== undefined) output.text(`  ${' '.repeat(14)} ${hint}`);
    }
    const failed = findings.filter(({ ok, optional }) => !ok && optional !== true);
    output.text(failed.length === 0 ? '\nForja is ready.' : `\nTo mend: ${failed.map(({ name }) => name).join(', ')}.`);
    const exit_code = failed.length === 0 ? EXIT.done : EXIT.failure;
    for (const finding of findings) output.row({ type: 'finding', ...finding });
    output.result('doctor', { failed: failed.map(({ name }) => name) }, exit_code);
    return exit_code;
  },
};

function node(): Finding {
  return { name: 'Node', ok: true, text: `${process.versions.node} on ${process.platform} ${process.arch}` };
}

function memory(): Finding {
  const text = `${availableParallelism()} processors, ${bytes(freemem())} of ${bytes(totalmem())} memory free`;
  return { name: 'Machine', ok: true, text };
}

async function trainer(): Promise<Finding> {
  try {
    const path = locateTrainer();
    const { devices, llama_cpp_release, cpu_features } = await runJob<'devices'>(completeJob('devices', {}));
    const list = devices.map((device) => `${device.name} (${device.description}, ${device.backend})`).join('; ');
    return { name: 'Trainer', ok: true, text: `${path}, llama.cpp ${llama_cpp_release}; ${list}; ${cpu_features}` };
  } catch (error) {
    const { message, hint } = error as Error & { hint?: string };
    return { name: 'Trainer', ok: false, text: message, hint: hint ?? '' };
  }
}

function database(): Finding {
  try {
    const db = openDb();
    const runs = db.runs.list().length;
    db.close();
    return { name: 'Database', ok: true, text: `${db.path}, ${runs} runs, ${freeSpace(dataDir())} free` };
  } catch (error) {
    const { message, hint } = error as Error & { hint?: string };
    return { name: 'Database', ok: false, text: message, hint: hint ?? '' };
  }
}

function cache(): Finding {
  try {
    mkdirSync(cacheDir(), { recursive: true });
    return { name: 'Cache', ok: true, text: `${cacheDir()}, ${freeSpace(cacheDir())} free` };
  } catch (error) {
    return {
      name: 'Cache',
      ok: false,
      text: (error as Error).message,
      hint: 'Set FORJA_CACHE to a folder that can be written.',
    };
  }
}

function sampleModel(): Finding {
  const path = sampleModelPath();
  const hint = '`npm run demo` fetches it.';
  return { name: 'Sample model', ok: existsSync(path), optional: true, text: path, hint };
}

function tools(): Finding[] {
  return ['git', 'cmake', 'c++'].map((name) => {
    const { status, stdout } = spawnSync(name, ['--version'], { encoding: 'utf8' });
    const ok = status === 0;
    const text = ok ? stdout.split('\n')[0]! : 'missing';
    return { name, ok, optional: true, text, hint: 'Needed only to build the trainer from source.' };
  });
}

function freeSpace(path: string): string {
  const { bavail, bsize } = statfsSync(path);
  return bytes(bavail * bsize);
}
