// `npm run demo`: everything from a fresh clone to a tuned model (see demo/demo.ts).
import { runTypeScript } from './lib/run-typescript.mjs';
import { setup } from './lib/setup.mjs';

await setup();
runTypeScript('scripts/demo/demo.ts');
