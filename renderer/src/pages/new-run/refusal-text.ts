import type { Messages } from '../../i18n/i18n.svelte.ts';

/**
 * Why a row was refused, in the language of the screens. The core's English sentence has the row's particulars, such as where
 * its JSON breaks, so in another language it follows behind the translated reason.
 */
export function refusalText(refusal: { code: string; message: string }, t: Messages): string {
  const reason = t.newRun.dataset.refusals[refusal.code];
  return reason === undefined ? refusal.message : `${reason} (${refusal.message})`;
}
