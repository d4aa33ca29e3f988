// `npm run bench:pytorch`: the trainer beside PyTorch and PEFT (see bench/pytorch.ts).
import { runTypeScript } from './lib/run-typescript.mjs';
import { setup } from './lib/setup.mjs';

await setup();
runTypeScript('scripts/bench/pytorch.ts');
