import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The folder for what can be fetched again: FORJA_CACHE, or the system's place for a user's caches.
 * Linux: $XDG_CACHE_HOME/forja or ~/.cache/forja; macOS: ~/Library/Caches/Forja; Windows: %LOCALAPPDATA%\Forja\Cache.
 */
export function cacheDir(env: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string {
  if (env.FORJA_CACHE) return env.FORJA_CACHE;
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'Forja');
  if (platform === 'win32') return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'Forja', 'Cache');
  return join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'forja');
}
