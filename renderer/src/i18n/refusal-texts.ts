import type { RefusalCode } from '../../../main/contracts/refusals.ts';
import type { Details } from './describe-error.ts';

/** A language that says nothing of its own leaves the layer's English sentence as it is. */
export type RefusalTexts = Partial<Record<string, (details: Details) => string>>;
export type TranslatedRefusals = Record<RefusalCode, (details: Details) => string> & RefusalTexts;
