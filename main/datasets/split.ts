import { mix32, type Hash64 } from './hash.ts';

/**
 * Chooses the rows to validate on. A row's side depends on its text and the seed alone: no second pass, no memory, and equal
 * rows always fall on the same side, so that no validation row was trained on.
 *
 * @param val_share share of the rows to validate on, 0 to 0.5
 */
export class ValidationSplit {
  private readonly threshold: number;
  private readonly seed: number;

  constructor(val_share: number, seed: number) {
    this.threshold = Math.min(Math.max(val_share, 0), 0.5) * 2 ** 32;
    this.seed = mix32(seed + 0x9e3779b9);
  }

  isValidation(hash: Hash64): boolean {
    return mix32(hash.high ^ this.seed) < this.threshold;
  }
}
