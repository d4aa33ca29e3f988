import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, runShown } from './console.mjs';
import { modernNode, root } from './paths.mjs';

const stampFile = join(root, 'out/.forja-stamp');

/** A hash of all that the app is built from. */
function sourcesHash() {
  const hash = createHash('sha256');
  for (const name of ['package-lock.json', 'electron.vite.config.ts', 'tsconfig.base.json']) {
    hash.update(readFileSync(join(root, name)));
  }
  const visit = (folder) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) visit(path);
      else if (!/\.test\.ts$/.test(entry.name)) hash.update(path).update(readFileSync(join(root, path)));
    }
  };
  for (const folder of ['main', 'renderer', 'native/protocol']) visit(folder);
  return hash.digest('hex');
}

/** Builds the app into out/ when its sources changed since the last build. */
export async function ensureApp() {
  const hash = sourcesHash();
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === hash) return;
  const { ok } = await runShown(
    'building the app',
    modernNode(),
    [join(root, 'node_modules/electron-vite/bin/electron-vite.js'), 'build', '--logLevel', 'warn'],
    { cwd: root },
  );
  if (!ok) fail('The app could not be built.', 'See the output above.');
  writeFileSync(stampFile, hash);
}
