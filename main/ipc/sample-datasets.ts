import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ForjaError } from '../contracts/errors.ts';

/**
 * The sample's rows: in the packaged app's resources, or this checkout's.
 * @throws ForjaError file_not_found
 */
export function sampleDatasets(): { data_path: string; val_path: string } {
  const { resourcesPath } = process as { resourcesPath?: string };
  const folders = [
    ...(resourcesPath === undefined ? [] : [join(resourcesPath, 'samples')]),
    // The same way up from here and from out/main.
    fileURLToPath(new URL('../../resources/samples', import.meta.url)),
  ];
  const folder = folders.find((path) => existsSync(join(path, 'orders-train.jsonl')));
  if (folder === undefined) {
    throw new ForjaError('file_not_found', 'The sample dataset is not there.', 'Install the app again.', {
      path: folders[0],
    });
  }
  return { data_path: join(folder, 'orders-train.jsonl'), val_path: join(folder, 'orders-held-out.jsonl') };
}
