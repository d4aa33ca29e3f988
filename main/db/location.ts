import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The folder of Forja's own data: FORJA_DATA_DIR, or the system's place for a user's application data.
 * Linux: $XDG_DATA_HOME/forja or ~/.local/share/forja; macOS: ~/Library/Application Support/Forja; Windows: %APPDATA%\Forja.
 */
export function dataDir(env: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string {
  if (env.FORJA_DATA_DIR) return env.FORJA_DATA_DIR;
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Forja');
  if (platform === 'win32') return join(env.APPDATA ?? join(homedir(), 'AppData', 'Roaming'), 'Forja');
  return join(env.XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'forja');
}
