// `npm start`: builds what is missing and opens the app. Arguments go to it: `npm start -- model.gguf`.
import { spawn } from 'node:child_process';
import { ensureApp } from './lib/app-build.mjs';
import { fail, say } from './lib/console.mjs';
import { root } from './lib/paths.mjs';
import { setup } from './lib/setup.mjs';

const { env, platform } = process;
if (platform === 'linux' && !env.DISPLAY && !env.WAYLAND_DISPLAY) {
  fail(
    'There is no display to open a window on.',
    'Everything works on the command line as well: `npx forja --help`, or `npm run demo` for a first run.\nA virtual display does too: `xvfb-run -a npm start`.',
  );
}
await setup();
// What these bring may be missing until the packages are there.
const { ensureElectron } = await import('./electron-runtime/index.mjs');
const { missingLibraries } = await import('./electron-runtime/libraries.mjs');
const runtime = await ensureElectron().catch(({ message, hint }) => fail(message, hint));
const missing = missingLibraries(runtime.executable);
if (missing.length > 0) {
  fail(
    `Electron needs libraries that are not here: ${missing.join(', ')}.`,
    'Debian, Ubuntu:  sudo apt install libgtk-3-0 libnss3 libasound2 libgbm1',
  );
}
await ensureApp();
say(`▸ opening Forja on Electron ${runtime.version}${runtime.isFallback ? ' (fallback runtime)' : ''}`);
// Chromium's sandbox can't be set up for root.
const isRoot = platform !== 'win32' && process.getuid?.() === 0;
const child = spawn(runtime.executable, [...(isRoot ? ['--no-sandbox'] : []), root, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...env, ...runtime.env },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => process.exit(code ?? 1));
