import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(fileURLToPath(import.meta.url), '../../..');

/**
 * A Node that runs TypeScript as it is (22.18 or newer): this one, or the one that came with the packages.
 * @returns {string} its path
 */
export function modernNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath;
  const own = join(root, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (existsSync(own)) return own;
  throw new Error(`Node 22.18 or newer is needed, and this is ${process.versions.node}: run \`npm run setup\`.`);
}
