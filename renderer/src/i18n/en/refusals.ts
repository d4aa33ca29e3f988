import type { RefusalTexts } from '../refusal-texts.ts';

/** English is what the datasets layer says itself. */
export const refusals: RefusalTexts = {};
