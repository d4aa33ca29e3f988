/** The desktop app: starts once, opens the window, and wires services, menu and calls together. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { app, BrowserWindow, dialog, ipcMain, nativeTheme, session } from 'electron';
import { toReport } from '../contracts/errors.ts';
import { dataDir, openDb } from '../db/index.ts';
import { AppSettingsStore } from '../settings/index.ts';
import { ggufIn } from './arguments.ts';
import { CrashLog } from './crash-log.ts';
import { guardContents, guardSession } from './guard.ts';
import { ForjaApp } from './forja-app.ts';
import { declareScheme, ORIGIN, servePage, SCHEME } from './page.ts';
import { openSettingsFile, openStateFile } from './stored.ts';
import { textsOf } from './texts.ts';

// All that Forja keeps lies in one place, the window's own data too.
app.setPath('userData', join(dataDir(), 'app'));
app.setAppUserModelId('ai.forja.app');
const crashes = new CrashLog(join(dataDir(), 'crashes.log'));
// Electron's own answer to an uncaught error is a dialog that blocks everything.
process.on('uncaughtException', (error) => crashes.note('uncaughtException', error));
process.on('unhandledRejection', (reason) => crashes.note('unhandledRejection', reason));

declareScheme();
// The address of electron-vite's server while the app is being developed; a packaged app has none.
const devServer = app.isPackaged ? undefined : process.env.ELECTRON_RENDERER_URL;
const isOwnPage = (url: string) =>
  url.startsWith(`${ORIGIN}/`) || (devServer !== undefined && new URL(url).origin === new URL(devServer).origin);
const mayRequest = (url: string) =>
  isOwnPage(url) ||
  url.startsWith('devtools:') ||
  url.startsWith('blob:') ||
  (devServer !== undefined && /^ws:/.test(url));

if (!app.requestSingleInstanceLock()) {
  app.exit(0);
} else {
  guardContents(app, isOwnPage);
  let forja: ForjaApp | null = null;
  let opened = ggufIn(process.argv.slice(1), process.cwd());

  app.on('second-instance', (_event, argv, cwd) => {
    forja?.show();
    const path = ggufIn(argv.slice(1), cwd);
    if (path !== null) forja?.openModel(path);
  });
  // macOS tells of an opened file this way, maybe before the app is ready.
  app.on('open-file', (event, path) => {
    event.preventDefault();
    if (forja === null) opened = path;
    else forja.openModel(path);
  });
  app.on('window-all-closed', () => app.quit());
  app.on('child-process-gone', (_event, details) => {
    if (details.reason !== 'clean-exit' && details.reason !== 'killed') crashes.note('child-process-gone', details);
  });

  void app
    .whenReady()
    .then(() => {
      guardSession(session.defaultSession, mayRequest);
      servePage(session.defaultSession, join(__dirname, '../renderer'));
      const nativeBinding = sqliteAddon();
      const db = openDb(undefined, nativeBinding === undefined ? {} : { nativeBinding });
      forja = new ForjaApp({
        db,
        settings: new AppSettingsStore(openSettingsFile(), dataDir()),
        windowState: openStateFile(),
        crashes,
        preload: join(__dirname, '../preload/index.cjs'),
        pageUrl: devServer ?? `${SCHEME}://app/index.html`,
        isOwnPage,
        opened,
      });
      forja.start(ipcMain);
      app.on('activate', () => {
        if (BrowserWindow.getAllWindows().length === 0) forja?.show();
      });
      nativeTheme.on('updated', () => forja?.tellTheme());
    })
    .catch((error: unknown) => {
      crashes.note('start', error);
      const { code, message, hint } = toReport(error);
      process.stderr.write(`Forja could not start: ${message}\n`);
      const texts = textsOf('system', app.getLocale());
      dialog.showErrorBox(texts.start_failed, texts.start_failed_why(code, `${message}\n\n${hint}`));
      app.exit(1);
    });
}

/** better-sqlite3's addon for a runtime older than its own needs (scripts/electron-runtime): named, or packed beside the app. */
function sqliteAddon(): string | undefined {
  const packed = join(process.resourcesPath, 'better_sqlite3.node');
  return process.env.FORJA_SQLITE_ADDON ?? (app.isPackaged && existsSync(packed) ? packed : undefined);
}
