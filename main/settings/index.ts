/** What a person has set for the app as a whole. Where it is kept is the caller's choice: the core knows nothing of Electron. */
export { AppSettingsStore, defaultSettings, type SettingsFile } from './app-settings.ts';
