import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ForjaError } from '../contracts/errors.ts';

/**
 * The sample's rows: in the packaged app's resources, or this checkout's.
 * @throws ForjaError file_not_found
 */
export function sampleDatasets(): { data_path: string; val_path: string } {
  const folder = resourceFolder('samples', 'orders-train.jsonl');
  return { data_path: join(folder, 'orders-train.jsonl'), val_path: join(folder, 'orders-held-out.jsonl') };
}

/**
 * The general questions by which one sees what a model forgot.
 * @throws ForjaError file_not_found
 */
export function generalQuestions(language: 'en' | 'es'): string {
  const name = `general-${language}.jsonl`;
  return join(resourceFolder('general', name), name);
}

function resourceFolder(name: string, file: string): string {
  const { resourcesPath } = process as { resourcesPath?: string };
  const folders = [
    ...(resourcesPath === undefined ? [] : [join(resourcesPath, name)]),
    // The same way up from here and from out/main.
    fileURLToPath(new URL(`../../resources/${name}`, import.meta.url)),
  ];
  const folder = folders.find((path) => existsSync(join(path, file)));
  if (folder === undefined) {
    throw new ForjaError('file_not_found', `The file ${file} is not there.`, 'Install the app again.', {
      path: folders[0],
    });
  }
  return folder;
}
