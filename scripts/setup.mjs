// `npm run setup`: packages and the trainer's build, only what is missing.
import { say } from './lib/console.mjs';
import { setup } from './lib/setup.mjs';

await setup();
say('✓ Forja is ready: `npx forja --help`, or `npm run demo`.');
