import { detailsOf } from '../../i18n/describe-error.ts';
import type { Messages } from '../../i18n/i18n.svelte.ts';

interface Refusal {
  code: string;
  message: string;
  details?: Record<string, string | number> | undefined;
}

/** Why a row was refused, in the language of the screens; English is the core's own sentence. */
export function refusalText({ code, message, details = {} }: Refusal, t: Messages): string {
  return t.newRun.dataset.refusals[code]?.(detailsOf(details)) ?? message;
}
