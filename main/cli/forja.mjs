#!/usr/bin/env node
// Entry of `forja`. The sources are TypeScript that Node runs as they are from 22.18 on; on an older Node this file starts
// the one that came with the packages, so that `npx forja` works whatever Node the machine has.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import nodeModule from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(realpathSync(fileURLToPath(import.meta.url)));
const main = join(here, 'main.ts');
const [major, minor] = process.versions.node.split('.').map(Number);

if (major > 22 || (major === 22 && minor >= 18)) {
  const { cacheDir } = await import(pathToFileURL(join(here, '../models/cache.ts')).href);
  nodeModule.enableCompileCache(join(cacheDir(), 'code')); // halves the time that a command takes to start
  await import(pathToFileURL(main).href);
} else {
  const node = join(here, '../../node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (!existsSync(node)) {
    console.error(
      `forja needs Node 22.18 or newer, and this is ${process.versions.node}. Run \`npm run setup\` first.`,
    );
    process.exit(1);
  }
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both processes, `kill -INT` to this one alone. The other is told by SIGTERM: a SIGINT more would look like
  // Ctrl-C pressed twice, which ends it at once. This one waits for it to write its checkpoint.
  process.on('SIGINT', () => child.kill('SIGTERM'));
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
