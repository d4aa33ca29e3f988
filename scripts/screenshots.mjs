// `npm run screenshots`: every screen in both languages, light and dark, at two sizes, into out/screenshots.
import { say } from './lib/console.mjs';
import { setup } from './lib/setup.mjs';

await setup({ tests: true }); // the pictures show runs of the tests' models
const { runPlaywright } = await import('./lib/app-tests.mjs');
const ok = await runPlaywright(['--config', 'playwright.screenshots.config.ts', ...process.argv.slice(2)]);
if (ok) say('✓ out/screenshots');
process.exit(ok ? 0 : 1);
