import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { JobOf } from '../contracts/protocol.ts';
import type { RunFile } from '../contracts/run-file.ts';
import type { RunFolder } from './run-folder.ts';

/**
 * What an export of a run may learn from and be tried on, as fields of its job: types are tried on the rows kept from training, where there
 * are some, and weights are rounded with the training rows in mind. Null where a file is gone.
 */
export function exportRows(
  folder: RunFolder,
  run: Pick<RunFile, 'train_tokens' | 'val_tokens'> & { settings: Pick<RunFile['settings'], 'max_seq_len'> },
): Pick<JobOf<'export'>, 'trial_tokens_path' | 'calibration_tokens_path' | 'max_seq_len'> {
  const there = (name: string) => {
    const path = join(folder.dir, name);
    return existsSync(path) ? path : null;
  };
  return {
    trial_tokens_path: there(run.val_tokens ?? run.train_tokens),
    calibration_tokens_path: there(run.train_tokens),
    max_seq_len: run.settings.max_seq_len,
  };
}
