import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { app, dialog, nativeTheme, shell, type BrowserWindow } from 'electron';
import type { Host } from '../ipc/host.ts';

/** Electron's side of what the handlers need. */
export function electronHost(window: () => BrowserWindow | null, takeOpened: () => string | null): Host {
  const help = {
    guide: ['README.md'],
    licences: ['LICENSE', 'LICENSE.txt', 'LICENSES.chromium.html'],
  };
  return {
    info: () => ({
      version: app.getVersion(),
      electron_version: process.versions.electron,
      chrome_version: process.versions.chrome,
      node_version: process.versions.node,
      platform: process.platform,
      arch: process.arch,
      locale: app.getLocale(),
      is_dark: nativeTheme.shouldUseDarkColors,
      is_packaged: app.isPackaged,
      opened_model_path: takeOpened(),
    }),
    pickFile: async ({ title, extensions, kind }) => {
      const options: Electron.OpenDialogOptions = {
        title,
        properties: ['openFile'],
        filters: [{ name: kind, extensions }],
      };
      const owner = window();
      const { filePaths } = await (owner === null
        ? dialog.showOpenDialog(options)
        : dialog.showOpenDialog(owner, options));
      return filePaths[0] ?? null;
    },
    pickFolder: async ({ title, defaultPath }) => {
      const options: Electron.OpenDialogOptions = {
        title,
        defaultPath,
        properties: ['openDirectory', 'createDirectory'],
      };
      const owner = window();
      const { filePaths } = await (owner === null
        ? dialog.showOpenDialog(options)
        : dialog.showOpenDialog(owner, options));
      return filePaths[0] ?? null;
    },
    pickOutput: async ({ title, defaultPath, extension }) => {
      const options: Electron.SaveDialogOptions = {
        title,
        defaultPath,
        filters: extension === null ? [] : [{ name: extension.toUpperCase(), extensions: [extension] }],
        properties: ['createDirectory', 'showOverwriteConfirmation'],
      };
      const owner = window();
      const { canceled, filePath } = await (owner === null
        ? dialog.showSaveDialog(options)
        : dialog.showSaveDialog(owner, options));
      return canceled ? null : filePath;
    },
    confirm: async ({ message, detail, accept, cancel }) => {
      const options = {
        type: 'question' as const,
        message,
        detail,
        buttons: [accept, cancel],
        defaultId: 0,
        cancelId: 1,
      };
      const owner = window();
      const { response } = await (owner === null
        ? dialog.showMessageBox(options)
        : dialog.showMessageBox(owner, options));
      return response === 0;
    },
    showInFolder: (path) => shell.showItemInFolder(path),
    openHelp: async (topic) => {
      const folders = [app.isPackaged ? process.resourcesPath : app.getAppPath(), app.getAppPath()];
      const path = folders
        .flatMap((folder) => help[topic].map((name) => join(folder, name)))
        .find((one) => existsSync(one));
      return path !== undefined && (await shell.openPath(path)) === '';
    },
    openFolder: async (path) => existsSync(path) && (await shell.openPath(path)) === '',
  };
}
