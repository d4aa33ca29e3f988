/** The app's own settings, its doctor, and its dialogs. */
import { z } from 'zod';
import { path } from './parts.ts';

export const LANGUAGES = ['system', 'en', 'es'] as const;
export const THEMES = ['system', 'light', 'dark'] as const;

export const appSettings = z.object({
  language: z.enum(LANGUAGES),
  theme: z.enum(THEMES),
  /** Default device of new runs: `auto`, `cpu` or a device's name. */
  device: z.string().min(1).max(100),
  /** Default threads of new runs; 0: all physical cores. */
  threads: z.int().min(0).max(1024),
  /** Where new runs' folders are made. */
  runs_dir: path,
  /** Where save dialogs of exports begin. */
  exports_dir: path,
  checkpoints_kept: z.int().min(1).max(1000),
  notify_when_done: z.boolean(),
  keep_awake: z.boolean(),
  /** The note of the first launch was read. */
  first_run_note_seen: z.boolean(),
});

/** What the doctor looks at. */
export const DOCTOR_CODES = [
  'forja',
  'electron',
  'machine',
  'trainer',
  'nvidia',
  'database',
  'cache',
  'sample_model',
] as const;

/** A choice in a dialog; null when the person cancelled. */
export const picked = z.object({ path: path.nullable() });

export type AppSettings = z.output<typeof appSettings>;
