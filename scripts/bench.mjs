// `npm run bench` and `npm run bench:…`: one benchmark of scripts/bench, named by the first argument, with its own options.
import { fail } from './lib/console.mjs';
import { runTypeScript } from './lib/run-typescript.mjs';
import { setup } from './lib/setup.mjs';

const BENCHMARKS = ['training', 'gpu', 'pytorch', 'data', 'screens'];
const [name] = process.argv.splice(2, 1);
if (!BENCHMARKS.includes(name)) fail(`There is no benchmark ${name}.`, `There are ${BENCHMARKS.join(', ')}.`);

// gpu and screens use the fixtures that the native tests make.
await setup({ tests: name === 'gpu' || name === 'screens' });
if (name === 'screens') {
  // How soon the built app's page can be used, and its tasks of over 50 ms while a run streams: e2e/app/screens.bench.ts.
  const { runPlaywright } = await import('./lib/app-tests.mjs');
  process.exit((await runPlaywright(['--config', 'playwright.bench.config.ts'])) ? 0 : 1);
}
runTypeScript(`scripts/bench/${name}.ts`);
