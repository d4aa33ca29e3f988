// `npm run bench:screens`: how soon the built app's page can be used, and its tasks of over 50 ms while a run streams.
import { setup } from '../lib/setup.mjs';

await setup({ tests: true });
const { runPlaywright } = await import('../lib/app-tests.mjs');
process.exit((await runPlaywright(['--config', 'playwright.bench.config.ts'])) ? 0 : 1);
