/** Runs one piece of a campaign in a thread that may be ended: see run.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { campaignOf } from './campaigns.ts';
import { Finding } from './dice.ts';

const { name, seed, first, last, board } = workerData as {
  name: string;
  seed: number;
  first: number;
  last: number;
  /** Where it is, for who watches while it can't answer. */
  board: Int32Array;
};
const campaign = await campaignOf(name);
const codes: Record<string, number> = {};
for (let index = first; index < last; index++) {
  Atomics.store(board, 0, index);
  try {
    const code = await campaign.run(seed, index);
    codes[code] = (codes[code] ?? 0) + 1;
  } catch (error) {
    const what = error instanceof Finding ? error.message : String((error as Error).stack);
    parentPort!.postMessage({ found: index, what });
  }
}
Atomics.store(board, 0, last);
await campaign.close?.();
parentPort!.postMessage({ codes });
