// `npm run crash-test`: kills, and compares what was resumed with what was never killed.
//   npm run crash-test                          100 kills of the trainer, 20 of the core
//   npm run crash-test -- trainer --kills 1000 --seed 7
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fail, say } from './lib/console.mjs';
import { modernNode, root } from './lib/paths.mjs';
import { setup } from './lib/setup.mjs';

await setup({ tests: true });
const args = process.argv.slice(2);
const campaigns =
  args.length > 0
    ? [args]
    : [
        ['trainer', '--kills', '100'],
        ['core', '--kills', '20'],
      ];
const failed = campaigns.filter((campaign) => {
  say(`\n── ${campaign[0]} ──`);
  const script = join(root, 'scripts/crash/run.ts');
  return spawnSync(modernNode(), [script, ...campaign], { cwd: root, stdio: 'inherit' }).status !== 0;
});
if (failed.length > 0) fail('A run that was resumed is not the same as one that was never killed.', 'See above.');
