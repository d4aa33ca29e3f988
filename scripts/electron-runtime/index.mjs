// Which Electron opens the app: the one of package.json, or, where its download can't be reached, a fallback from the npm
// registry with an addon of better-sqlite3 built for it.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { say } from '../lib/console.mjs';
import { modernNode } from '../lib/paths.mjs';
import { ensureFallback, FALLBACK_VERSION, fallbackDist, hasFallback } from './fallback.mjs';
import { ensureSqliteAddon } from './sqlite-addon.mjs';

const packageDir = dirname(createRequire(import.meta.url).resolve('electron/package.json'));
/** How long Electron's own download may take; it fails at once where there is no way to it. */
const DOWNLOAD_MS = 600_000;

/**
 * @typedef {object} Runtime
 * @property {string} executable
 * @property {string} version
 * @property {boolean} isFallback
 * @property {Record<string, string>} env what the app needs in its environment on this runtime
 */

/**
 * Finds or fetches an Electron.
 * @returns {Promise<Runtime>}
 * @throws {Error} with a `hint` when there is none to be had
 */
export async function ensureElectron() {
  const { version } = JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8'));
  const own = ownExecutable(version);
  if (own !== null) return { executable: own, version, isFallback: false, env: {} };
  const isForced = process.env.FORJA_ELECTRON === 'fallback';
  const isMade = existsSync(join(fallbackDist(), 'version'));
  if (!isForced && !isMade) {
    say(`▸ fetching Electron ${version} …`);
    const install = [join(packageDir, 'install.js')];
    const { status } = spawnSync(modernNode(), install, { stdio: 'ignore', timeout: DOWNLOAD_MS });
    const fetched = status === 0 ? ownExecutable(version) : null;
    if (fetched !== null) return { executable: fetched, version, isFallback: false, env: {} };
  }
  if (!hasFallback()) {
    throw unavailable(
      `Electron ${version} could not be fetched.`,
      'Check the way to github.com and run this again. The command line works without it: `npx forja --help`.',
    );
  }
  try {
    if (!isMade) say(`▸ Electron's download can't be reached: making a runtime of Electron ${FALLBACK_VERSION} …`);
    const executable = await ensureFallback();
    const addon = await ensureSqliteAddon();
    return { executable, version: FALLBACK_VERSION, isFallback: true, env: { FORJA_SQLITE_ADDON: addon } };
  } catch (error) {
    throw unavailable(
      `Electron could not be had: neither its own download nor the fallback worked (${error.message}).`,
      'The command line works without it: `npx forja --help`.',
    );
  }
}

function ownExecutable(version) {
  try {
    const dist = join(packageDir, 'dist');
    if (readFileSync(join(dist, 'version'), 'utf8').replace(/^v/, '').trim() !== version) return null;
    const executable = join(dist, readFileSync(join(packageDir, 'path.txt'), 'utf8'));
    return existsSync(executable) ? executable : null;
  } catch {
    return null;
  }
}

function unavailable(message, hint) {
  return Object.assign(new Error(message), { hint });
}
