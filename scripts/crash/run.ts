/**
 * Kills, and compares what was resumed with what was never killed.
 *
 *   node scripts/crash/run.ts trainer|core [--kills N] [--seed S]
 */
import { parseArgs } from 'node:util';
import { killCore } from './core-kills.ts';
import { openPlace } from './place.ts';
import { killTrainer } from './trainer-kills.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { kills: { type: 'string', default: '50' }, seed: { type: 'string', default: '1' } },
});
const campaigns = { trainer: killTrainer, core: killCore };
const name = positionals[0] ?? 'trainer';
if (!(name in campaigns)) throw new Error(`There is no campaign ${name}: ${Object.keys(campaigns).join(', ')}.`);
const place = openPlace();
const began = Date.now();
try {
  const counts = await campaigns[name as keyof typeof campaigns](place, Number(values.kills), Number(values.seed));
  for (const fault of counts.faults) process.stderr.write(`FOUND ${fault}\n`);
  const summary = {
    campaign: name,
    seed: Number(values.seed),
    ...counts,
    faults: counts.faults.length,
    seconds: (Date.now() - began) / 1000,
  };
  process.stdout.write(`${JSON.stringify(summary)}\n`);
  process.exitCode = counts.faults.length > 0 ? 1 : 0;
} finally {
  place.clean();
}
