// `npm run bench`: training speed beside llama.cpp's forward speed (see bench/bench.ts).
import { runTypeScript } from './lib/run-typescript.mjs';
import { setup } from './lib/setup.mjs';

await setup();
runTypeScript('scripts/bench/bench.ts');
