import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ForjaError } from '../contracts/errors.ts';

const NAME = process.platform === 'win32' ? 'forja-trainer.exe' : 'forja-trainer';

/**
 * Finds the trainer: FORJA_TRAINER if set, the packaged app's resources, or this checkout's build.
 * @throws ForjaError trainer_missing
 */
export function locateTrainer(): string {
  const candidates = trainerCandidates();
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new ForjaError(
    'trainer_missing',
    `The trainer is not there: ${candidates.join(', ')}`,
    process.env.FORJA_TRAINER
      ? 'FORJA_TRAINER must name the forja-trainer program.'
      : 'Build it with `npm run setup` in the checkout, or install the app again.',
    { paths: candidates },
  );
}

function trainerCandidates(): string[] {
  const override = process.env.FORJA_TRAINER;
  if (override !== undefined && override !== '') return [override];
  // Set by Electron only: the folder of the packaged app's resources.
  const { resourcesPath } = process as { resourcesPath?: string };
  const build = fileURLToPath(new URL('../../native/build', import.meta.url));
  return [
    ...(resourcesPath === undefined ? [] : [join(resourcesPath, 'trainer', NAME)]),
    join(build, NAME),
    join(build, 'Release', NAME),
  ];
}
