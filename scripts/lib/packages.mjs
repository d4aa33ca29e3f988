import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, runShown } from './console.mjs';
import { root } from './paths.mjs';

/**
 * Whether node_modules holds what the lock file says: npm notes what it installed in node_modules/.package-lock.json.
 * Packages for other platforms may be missing.
 */
export function packagesAreFresh() {
  const note = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(note)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(readFileSync(note, 'utf8')).packages;
  const isSame = Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '') return true;
    return present[path] === undefined ? optional === true : present[path].version === version;
  });
  return isSame && existsSync(join(root, 'node_modules/node/bin'));
}

/** Installs the packages of the lock file when they are missing or others. */
export async function ensurePackages() {
  if (packagesAreFresh()) return;
  const npm = process.env.npm_execpath;
  const node = process.env.npm_node_execpath ?? process.execPath;
  const [program, args] = npm?.endsWith('.js') ? [node, [npm]] : ['npm', []];
  const { ok, output } = await runShown(
    'installing the packages of package-lock.json (about 1 GB unpacked)',
    program,
    [...args, 'ci'],
    {
      cwd: root,
      shell: program === 'npm' && process.platform === 'win32',
    },
  );
  if (ok) return;
  const isOffline = /ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|network/.test(output);
  fail(
    'The packages could not be installed.',
    isOffline ? 'The npm registry was not reached: check the network and run this again.' : 'See the output above.',
  );
}
