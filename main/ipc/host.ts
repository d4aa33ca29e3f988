import type { IpcResponse } from '../contracts/ipc.ts';

/** What the handlers need of the desktop; main/app gives Electron's, tests their own. */
export interface Host {
  info(): Omit<IpcResponse<'app.info'>, 'sample' | 'data_dir' | 'cache_dir' | 'can_update'>;
  /** @returns null when cancelled */
  pickFile(options: { title: string; extensions: string[]; kind: string }): Promise<string | null>;
  pickFolder(options: { title: string; defaultPath: string }): Promise<string | null>;
  pickOutput(options: { title: string; defaultPath: string; extension: string | null }): Promise<string | null>;
  confirm(options: { message: string; detail: string; accept: string; cancel: string }): Promise<boolean>;
  showInFolder(path: string): void;
  /** Opens a text of Forja's own; nothing remote. @returns whether there was something to open */
  openHelp(topic: 'guide' | 'licences'): Promise<boolean>;
  openFolder(path: string): Promise<boolean>;
}

/** The dialogs' words, in the app's language. */
export interface DialogTexts {
  open_model: string;
  open_adapter: string;
  open_dataset: string;
  open_validation: string;
  choose_runs: string;
  choose_exports: string;
  save_export: string;
  save_report: string;
  /** What a report is called, without its ending. */
  report_name: (run: string) => string;
  language: 'en' | 'es';
  models: string;
  datasets: string;
  fetch_sample: string;
  fetch_sample_detail: (size: string) => string;
  fetch: string;
  cancel: string;
}
