import { spawnSync } from 'node:child_process';
import { EXIT } from '../../contracts/errors.ts';
import { openDb, type ForjaDb } from '../../db/index.ts';
import { examine, type Finding as Found } from '../../services/doctor.ts';
import type { NvidiaUse } from '../../services/nvidia.ts';
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
    const findings = [node(), ...(await core()), ...tools()];
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

/** What the app's doctor looks at too, in sentences. */
async function core(): Promise<Finding[]> {
  let db: ForjaDb | undefined;
  const { findings } = await examine(() => (db = openDb()));
  db?.close();
  return findings.map(({ code, ok, optional, details, error }) => {
    const { name, text, hint } = SENTENCES[code]!;
    return {
      name,
      ok,
      optional,
      text: error?.message ?? text(details as Record<string, string & number>),
      hint: (typeof hint === 'function' ? hint(details) : hint) ?? error?.hint ?? '',
    };
  });
}

interface Sentence {
  name: string;
  text: (details: Record<string, string & number>) => string;
  hint?: string | ((details: Found['details']) => string);
}

const SENTENCES: Partial<Record<Found['code'], Sentence>> = {
  machine: {
    name: 'Machine',
    text: ({ processors, memory_free_bytes, memory_total_bytes }) =>
      `${processors} processors, ${bytes(memory_free_bytes!)} of ${bytes(memory_total_bytes!)} memory free`,
  },
  trainer: {
    name: 'Trainer',
    text: ({ path, llama_cpp_release, devices, cpu_features }) =>
      `${path}, llama.cpp ${llama_cpp_release}; ${devices}; ${cpu_features}`,
  },
  nvidia: {
    name: 'NVIDIA GPU',
    text: (details) => nvidia(details as unknown as NvidiaUse['details']),
    hint: ({ why }) => nvidiaHint(why as NvidiaUse['details']['why']),
  },
  database: {
    name: 'Database',
    text: ({ path, runs, disk_free_bytes }) => `${path}, ${runs} runs, ${bytes(disk_free_bytes!)} free`,
  },
  cache: {
    name: 'Cache',
    text: ({ path, disk_free_bytes }) => `${path}, ${bytes(disk_free_bytes!)} free`,
    hint: 'Set FORJA_CACHE to a folder that can be written.',
  },
  sample_model: { name: 'Sample model', text: ({ path }) => path!, hint: '`npm run demo` fetches it.' },
};

function nvidia({ through, why, missing }: NvidiaUse['details']): string {
  const now = through === 'none' ? 'nothing is computed on it' : `it is used through ${through}`;
  if (why === 'libraries') return `The driver is here, but not CUDA's ${missing}: ${now}`;
  if (why === 'driver') return `CUDA did not start, though its libraries are here: ${now}`;
  return `The driver is here: ${now}`;
}

function nvidiaHint(why: NvidiaUse['details']['why']): string {
  if (why === 'libraries') {
    const path = process.platform === 'win32' ? 'PATH' : 'LD_LIBRARY_PATH';
    return `For CUDA, install the CUDA 13 runtime and cuBLAS from NVIDIA, or add the folder that has them to ${path}.`;
  }
  if (why === 'driver') return 'For CUDA, update the NVIDIA driver to 580 or newer.';
  return 'Update the NVIDIA driver: it brings Vulkan, through which Forja uses the GPU.';
}

function tools(): Finding[] {
  return ['git', 'cmake', 'c++'].map((name) => {
    const { status, stdout } = spawnSync(name, ['--version'], { encoding: 'utf8' });
    const ok = status === 0;
    const text = ok ? stdout.split('\n')[0]! : 'missing';
    return { name, ok, optional: true, text, hint: 'Needed only to build the trainer from source.' };
  });
}
