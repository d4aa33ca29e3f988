// What a window needs on a machine that may have none of it: shared libraries and a virtual display.
import { spawnSync } from 'node:child_process';
import { say } from '../lib/console.mjs';
import { missingLibraries } from './libraries.mjs';

const PACKAGES = ['libgtk-3-0', 'libnss3', 'libasound2', 'libgbm1', 'xvfb', 'xauth'];

/**
 * How to start a program with a display: the words that go before it. Installs what is missing when it may.
 * @param {string} executable Electron's
 * @returns {{ prefix: string[], missing: string[] }} `missing` names Debian packages that a person must install
 */
export function ensureDisplay(executable) {
  if (process.platform !== 'linux') return { prefix: [], missing: [] };
  const has = (program) => spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;
  const isReady = () => missingLibraries(executable).length === 0 && has('xvfb-run') && has('xauth');
  if (!isReady() && process.getuid?.() === 0 && has('apt-get')) {
    say(`▸ installing ${PACKAGES.join(', ')} …`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore', env });
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...PACKAGES], { stdio: 'ignore', env });
  }
  return isReady()
    ? { prefix: ['xvfb-run', '-a', '-s', '-screen 0 1600x1000x24'], missing: [] }
    : { prefix: [], missing: PACKAGES };
}
