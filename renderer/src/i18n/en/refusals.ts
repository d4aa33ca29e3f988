import type { RefusalTexts } from '../refusal-codes.ts';

/** English is what the datasets layer says itself. */
export const refusals: RefusalTexts = {};
