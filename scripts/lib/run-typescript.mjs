import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { modernNode, root } from './paths.mjs';

/** Runs a TypeScript file of the checkout with this process's arguments and streams; ends with its exit code. */
export function runTypeScript(file) {
  const child = spawn(modernNode(), [join(root, file), ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both: the other one decides what it means.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
}
