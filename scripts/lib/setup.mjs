import { ensurePackages } from './packages.mjs';
import { ensureTrainer } from './trainer.mjs';

/** Prepares the checkout: packages and trainer, only what is missing or old. */
export async function setup() {
  await ensurePackages();
  await ensureTrainer();
}
