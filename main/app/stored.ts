import Store from 'electron-store';
import type { AppSettings } from '../contracts/ipc.ts';
import type { SettingsFile } from '../settings/index.ts';
import type { WindowState } from './window-state.ts';

/** The settings in electron-store's file. A file that can't be read counts as empty. */
export function openSettingsFile(): SettingsFile {
  const store = new Store<Record<string, unknown>>({ name: 'settings', clearInvalidConfig: true });
  return { read: () => store.store, write: (settings: AppSettings) => (store.store = { ...settings }) };
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
