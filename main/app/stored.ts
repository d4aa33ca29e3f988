import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { app } from 'electron';
import Store from 'electron-store';
import type { AppSettings } from '../contracts/ipc.ts';
import type { SettingsFile } from '../settings/index.ts';
import type { WindowState } from './window-state.ts';

/** The settings in electron-store's file. One that is no JSON counts as empty; a copy of it stays, since the next change writes over it. */
export function openSettingsFile(): SettingsFile {
  keepBroken(join(app.getPath('userData'), 'settings.json'));
  const store = new Store<Record<string, unknown>>({ name: 'settings', clearInvalidConfig: true });
  return { read: () => store.store, write: (settings: AppSettings) => (store.store = { ...settings }) };
}

/** Copies a file that is no JSON to its name with `.broken`. */
function keepBroken(path: string): void {
  try {
    JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) return;
    try {
      copyFileSync(path, `${path}.broken`);
    } catch {
      // Where nothing can be written, nothing is written over it either.
    }
  }
}

export interface StateFile {
  read(): unknown;
  write(state: WindowState): void;
}

/** How the window was left. */
export function openStateFile(): StateFile {
  const store = new Store<Record<string, unknown>>({ name: 'window', clearInvalidConfig: true });
  return { read: () => store.store, write: (state) => (store.store = { ...state }) };
}
