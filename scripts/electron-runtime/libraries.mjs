import { spawnSync } from 'node:child_process';

/** Shared libraries that an executable needs and the system lacks. Elsewhere than on Linux everything comes with Electron. */
export function missingLibraries(executable) {
  if (process.platform !== 'linux') return [];
  const { stdout } = spawnSync('ldd', [executable], { encoding: 'utf8' });
  return [...(stdout ?? '').matchAll(/^\s*(\S+) => not found/gm)].map(([, name]) => name);
}
