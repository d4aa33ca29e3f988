import { afterAll, expect, test } from 'vitest';
import { CAMPAIGN_NAMES, campaignOf } from './campaigns.ts';

/** The short part of `npm run fuzz`: the first inputs of a seed, each of which gives an answer or a refusal with a code. */
const RUNS = 60;
/** Of messages to the main process about one in thirty is a call that is allowed; they take a millisecond each. */
const MESSAGE_RUNS = 200;
/** A machine that does other things beside takes its time. */
const PATIENCE_MS = 120_000;

const opened: (() => void | Promise<void>)[] = [];
afterAll(async () => {
  for (const close of opened) await close();
});

test.each(CAMPAIGN_NAMES)(
  '%s: each input is taken or refused with a code',
  async (name) => {
    const campaign = await campaignOf(name);
    if (campaign.close !== undefined) opened.push(() => campaign.close?.());
    const codes = new Map<string, number>();
    const runs = name === 'messages' ? MESSAGE_RUNS : RUNS;
    for (let index = 0; index < runs; index++) {
      const code = await campaign.run(1, index);
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    const accepted = codes.get('accepted') ?? 0;
    expect(accepted).toBeGreaterThan(0);
    expect(accepted).toBeLessThan(runs);
  },
  PATIENCE_MS,
);

test('inputs follow from seed and number alone', async () => {
  for (const name of CAMPAIGN_NAMES) {
    const campaign = await campaignOf(name);
    expect(campaign.input(3, 7)).toEqual(campaign.input(3, 7));
    expect(campaign.input(3, 7)).not.toEqual(campaign.input(3, 8));
  }
});
