import type { AppSettings, EmitEvent } from '../contracts/ipc.ts';
import type { ForjaDb } from '../db/index.ts';

/** What the services work with; they know nothing of windows. */
export interface ServiceContext {
  db: ForjaDb;
  emit: EmitEvent;
  /** The settings that new runs take their defaults from. */
  settings: () => Pick<AppSettings, 'runs_dir' | 'device' | 'threads' | 'checkpoints_kept'>;
}
