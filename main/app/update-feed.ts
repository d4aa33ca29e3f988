import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AppUpdater } from 'electron-updater';
import type { UpdateFeed } from './update-flow.ts';

/**
 * Whether this installation can be updated from a release address. electron-builder writes app-update.yml when
 * electron-builder.yml has a `publish`, and only then. On Linux an AppImage and a package replace themselves; what was unpacked
 * from a tar.gz does not.
 * @param resources the packaged app's folder of resources
 */
export function canUpdate(resources: string, platform: string, env: NodeJS.ProcessEnv): boolean {
  if (!existsSync(join(resources, 'app-update.yml'))) return false;
  return platform !== 'linux' || env.APPIMAGE !== undefined || existsSync(join(resources, 'package-type'));
}

/** GitHub's releases by electron-updater, which is not even loaded before it is asked. */
export function releaseFeed(): UpdateFeed {
  let loaded: Promise<AppUpdater> | null = null;
  const updater = () => (loaded ??= load());
  return {
    newer: async () => {
      const result = await (await updater()).checkForUpdates();
      return result?.isUpdateAvailable === true ? { version: result.updateInfo.version } : null;
    },
    download: async () => {
      await (await updater()).downloadUpdate();
    },
    install: () => void updater().then((one) => one.quitAndInstall()),
  };
}

async function load(): Promise<AppUpdater> {
  const { autoUpdater } = await import('electron-updater');
  autoUpdater.autoDownload = false;
  autoUpdater.autoInstallOnAppQuit = false;
  autoUpdater.logger = null;
  return autoUpdater;
}
