import { homedir } from 'node:os';
import { join } from 'node:path';

/** The folder for what can be fetched or made again; the same as main/models/cache.ts. */
export function cacheDir() {
  const { env, platform } = process;
  if (env.FORJA_CACHE) return env.FORJA_CACHE;
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'Forja');
  if (platform === 'win32') return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'Forja', 'Cache');
  return join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'forja');
}
