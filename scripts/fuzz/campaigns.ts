import type { Campaign } from './dice.ts';

/** The campaigns of the core, by name. */
const CAMPAIGNS: Record<string, () => Promise<{ campaign: Campaign }>> = {
  templates: () => import('./templates.ts'),
  datasets: () => import('./datasets.ts'),
  messages: () => import('./messages.ts'),
};

export const CAMPAIGN_NAMES = Object.keys(CAMPAIGNS);

/** @throws Error for a name that none has */
export async function campaignOf(name: string): Promise<Campaign> {
  const load = CAMPAIGNS[name];
  if (load === undefined) throw new Error(`There is no campaign ${name}: ${CAMPAIGN_NAMES.join(', ')}.`);
  return (await load()).campaign;
}
