import { join } from 'node:path';
import { appSettings, type AppSettings } from '../contracts/ipc.ts';

/** Where settings are kept: electron-store in the app, an object in tests. */
export interface SettingsFile {
  read(): unknown;
  write(settings: AppSettings): void;
}

/** @param dataDir Forja's own folder, in which runs and exports lie unless another is chosen */
export function defaultSettings(dataDir: string): AppSettings {
  return {
    language: 'system',
    theme: 'system',
    device: 'auto',
    threads: 0,
    runs_dir: join(dataDir, 'runs'),
    exports_dir: join(dataDir, 'exports'),
    checkpoints_kept: 3,
    notify_when_done: true,
    keep_awake: true,
    first_run_note_seen: false,
  };
}

/** The settings; each one that is missing or unusable in the file has its default. */
export class AppSettingsStore {
  private readonly file: SettingsFile;
  private readonly listeners = new Set<(settings: AppSettings) => void>();
  private current: AppSettings;

  constructor(file: SettingsFile, dataDir: string) {
    this.file = file;
    this.current = { ...defaultSettings(dataDir), ...usable(file.read()) };
  }

  get(): AppSettings {
    return { ...this.current };
  }

  /** Changes some settings, keeps them and tells the listeners. */
  set(change: Partial<AppSettings>): AppSettings {
    // What can't be used is left as it was: an undefined value would be no setting.
    const next = { ...this.current, ...usable(change) };
    this.file.write(next);
    this.current = next;
    for (const listener of this.listeners) listener(this.get());
    return this.get();
  }

  /** @returns its unsubscribe */
  onChange(listener: (settings: AppSettings) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** The settings of a file that this version understands: one bad value must not lose the others. */
function usable(stored: unknown): Partial<AppSettings> {
  if (typeof stored !== 'object' || stored === null) return {};
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(stored)) {
    // A file may name anything, `constructor` too.
    if (!Object.hasOwn(appSettings.shape, name)) continue;
    const parsed = appSettings.shape[name as keyof AppSettings].safeParse(value);
    if (parsed.success) kept[name] = parsed.data;
  }
  return kept;
}
