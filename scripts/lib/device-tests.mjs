// The native tests' cases for devices: on this machine's GPUs, and on Mesa's software Vulkan where it is new enough.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { say } from './console.mjs';
import { root } from './paths.mjs';

/** All cases on software Vulkan, in this time; those left are named and counted as skipped. */
const BUDGET_MS = 180_000;
/** A case that was seen to pass with these shaders and takes longer than this hangs. */
const CASE_LIMIT_MS = 300_000;
/** Programs in the order in which a case of each is taken: gradients first. */
const PROGRAMS = ['device-parity-test', 'device-memory-test', 'device-attention-test', 'device-operations-test'];
/** Vulkan headers of Mesa 24.0. Mesa 22 crashes under ggml-vulkan, and hides faults. */
const OLDEST_API = [1, 3, 274];

const FOLDERS = [
  process.env.XDG_DATA_HOME ?? join(homedir(), '.local/share'),
  '/etc',
  '/usr/local/etc',
  '/usr/local/share',
  '/usr/share',
];
const filesIn = (kind) =>
  FOLDERS.flatMap((folder) => {
    const path = join(folder, 'vulkan', kind);
    return existsSync(path) ? readdirSync(path).map((name) => join(path, name)) : [];
  });

/** Whether a Vulkan version such as 1.4.305 is that of Mesa 24 or newer. */
export function isNewEnough(version) {
  const parts = version.split('.').map(Number);
  for (const [at, least] of OLDEST_API.entries()) {
    if ((parts[at] ?? 0) !== least) return (parts[at] ?? 0) > least;
  }
  return true;
}

/**
 * Mesa's software Vulkan, by the manifest of its driver.
 * @returns {{ manifest: string, version: string } | { reason: string }} what there is, or why none is used
 */
export function softwareVulkan() {
  const given = (process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES ?? '').split(':').filter(Boolean);
  const manifest = [...given, ...filesIn('icd.d')].find((path) => /lvp_icd[^/]*\.json$/.test(path) && existsSync(path));
  if (manifest === undefined)
    return { reason: 'no software Vulkan here (Debian 12: mesa-vulkan-drivers of bookworm-backports)' };
  const version = JSON.parse(readFileSync(manifest, 'utf8')).ICD.api_version;
  if (!isNewEnough(version)) return { reason: `its software Vulkan is of a Mesa before 24 (${manifest}: ${version})` };
  return { manifest, version };
}

/** The devices but the CPU that the trainer lists. @returns {{ name: string, description: string }[]} */
function devicesOf(build, scratch, env) {
  const job = join(scratch, 'devices.json');
  writeFileSync(job, JSON.stringify({ protocol_major: 1, protocol_minor: 0, type: 'devices' }));
  const { stdout } = spawnSync(join(build, 'forja-trainer'), [job], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const hello = (stdout ?? '').split('\n').find((line) => line.includes('"devices"'));
  const found = hello === undefined ? [] : (JSON.parse(hello).data.devices ?? []);
  return found.filter(({ type }) => type !== 'cpu');
}

/** Cases of all programs, one of each in turn. @returns {{ program: string, at: number, name: string, first: boolean }[]} */
function allCases(build) {
  const lists = PROGRAMS.map((program) => {
    const { stdout, status } = spawnSync(join(build, 'tests', program), ['--cases'], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${program} --cases ended with ${status}`);
    const names = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('load_backend'));
    return names.map((name, at) => ({ program, at, name: `${program}: ${name}`, first: at === 0 }));
  });
  const longest = Math.max(...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, at) => lists.flatMap((list) => list.slice(at, at + 1))).flat();
}

/**
 * Runs every case on one device. A crash is a failure, as is a case that hangs; a case for which time is short is skipped.
 * @param {{ seen?: Set<string>, deadline?: number, layer?: string }} options seen: names of cases that passed with the shaders at hand;
 *   deadline: when to stop; layer: Vulkan's validation layer, taken for one case of each program
 * @returns {{ passed: number, failed: number, skipped: string[] }}
 */
function runCases(build, cases, device, env, { seen, deadline = Infinity, layer } = {}) {
  const counts = { passed: 0, failed: 0, skipped: [] };
  for (const { program, at, name, first } of cases) {
    const known = seen?.has(name) ?? true;
    const left = deadline - Date.now();
    if (left <= 0) {
      counts.skipped.push(`${name} on ${device}`);
      continue;
    }
    const validated = layer !== undefined && first;
    const { status, signal, stdout, stderr, error } = spawnSync(
      join(build, 'tests', program),
      ['--case', String(at), device],
      {
        env: validated ? { ...env, VK_INSTANCE_LAYERS: layer } : env,
        encoding: 'utf8',
        timeout: known ? CASE_LIMIT_MS : Math.min(left, CASE_LIMIT_MS),
        killSignal: 'SIGKILL',
        maxBuffer: 1 << 26,
      },
    );
    const output = `${stdout}${stderr}`;
    const complaints = validated ? new Set(output.match(/VUID-[\w-]+/g)) : new Set();
    if (error?.code === 'ETIMEDOUT' && !known) {
      counts.skipped.push(`${name} on ${device}`); // its shaders so far are kept
      continue;
    }
    if (status === 0 && complaints.size === 0) {
      counts.passed++;
      seen?.add(name);
      continue;
    }
    counts.failed++;
    const how =
      error?.code === 'ETIMEDOUT'
        ? `hung for ${CASE_LIMIT_MS / 1000} s`
        : signal !== null
          ? `crashed (${signal})`
          : complaints.size > 0
            ? `does what Vulkan forbids: ${[...complaints].join(', ')}`
            : `failed (${status})`;
    const told = output.split('\n').filter((line) => !line.startsWith('ok ') && line !== '');
    say(`FAIL ${name} on ${device} ${how}\n${told.slice(-30).join('\n')}`);
  }
  return counts;
}

/**
 * The stage `device`, but for what runs everywhere.
 * @param {string} build the folder of the build
 * @param {string} scratch a folder for small files
 * @param {NodeJS.ProcessEnv} env
 */
export function deviceCases(build, scratch, env) {
  const total = { passed: 0, failed: 0, skipped: [] };
  const add = (counts) => {
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped.push(...counts.skipped);
  };
  const cases = allCases(build);

  for (const { name, description } of devicesOf(build, scratch, env)) {
    if (/llvmpipe|lavapipe/i.test(description)) continue;
    say(`▸ ${cases.length} cases on ${name} (${description})`);
    add(runCases(build, cases, name, env));
  }

  const found = softwareVulkan();
  if ('reason' in found) {
    say(`▸ ${cases.length} cases skipped: ${found.reason}`);
    total.skipped.push(...cases.map(({ name }) => `${name} on software Vulkan`));
    return total;
  }
  const cache = join(root, '.cache', `shaders-${found.version}`);
  mkdirSync(cache, { recursive: true });
  const software = {
    ...env,
    VK_DRIVER_FILES: found.manifest,
    VK_ICD_FILENAMES: found.manifest, // its older name
    GGML_VK_VISIBLE_DEVICES: '0', // ggml passes over a processor's Vulkan otherwise
    MESA_SHADER_CACHE_DIR: cache,
  };
  const device = devicesOf(build, scratch, software)[0];
  if (device === undefined) {
    say(`▸ software Vulkan is installed (${found.manifest}) and the trainer doesn't list it`);
    total.failed++;
    return total;
  }
  const record = join(cache, 'passed.json');
  const seen = new Set(existsSync(record) ? JSON.parse(readFileSync(record, 'utf8')) : []);
  const layer = filesIn('explicit_layer.d').some((path) => path.endsWith('VkLayer_khronos_validation.json'))
    ? 'VK_LAYER_KHRONOS_validation'
    : undefined;
  say(`▸ ${cases.length} cases on ${device.name} (${device.description}), ${seen.size} with shaders compiled before`);
  // What has its shaders first: so that each run adds to what the next one can do.
  const order = [...cases.filter(({ name }) => seen.has(name)), ...cases.filter(({ name }) => !seen.has(name))];
  const options = { seen, deadline: Date.now() + BUDGET_MS, layer };
  add(runCases(build, order, device.name, software, options));
  writeFileSync(record, JSON.stringify([...seen]));
  return total;
}
