import type { ErrorTexts } from '../error-codes.ts';

/** Empty on purpose: the core's own messages are English. */
export const errors: ErrorTexts = {};
