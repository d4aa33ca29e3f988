// `node scripts/bench-data.mjs`: how fast a dataset becomes a token file (see bench/data.ts).
import { runTypeScript } from './lib/run-typescript.mjs';
import { setup } from './lib/setup.mjs';

await setup();
runTypeScript('scripts/bench/data.ts');
