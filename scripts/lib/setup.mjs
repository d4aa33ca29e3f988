import { withSetupLock } from './lock.mjs';
import { ensurePackages } from './packages.mjs';
import { ensureTrainer } from './trainer.mjs';

/**
 * Prepares the checkout: packages and trainer, only what is missing or old.
 * @param {{ tests?: boolean }} options tests: the native tests too
 */
export async function setup(options = {}) {
  await withSetupLock(async () => {
    await ensurePackages();
    await ensureTrainer(options);
  });
}
