// `npm run package`: the app as it is installed, into dist/. Arguments are electron-builder's, e.g. `npm run package -- --dir`.
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureApp } from './lib/app-build.mjs';
import { fail, say } from './lib/console.mjs';
import { modernNode, root } from './lib/paths.mjs';
import { setup } from './lib/setup.mjs';

await setup();
await ensureApp();
const { ensureElectron } = await import('./electron-runtime/index.mjs');
const runtime = await ensureElectron().catch(({ message, hint }) => fail(message, hint));

const stage = join(root, 'dist/stage');
rmSync(stage, { recursive: true, force: true });
stageTrainer(join(stage, 'trainer'));

const args = ['--config', writeConfig(), '--publish', 'never', ...process.argv.slice(2)];
const { status } = spawnSync(modernNode(), [join(root, 'node_modules/electron-builder/cli.js'), ...args], {
  cwd: root,
  stdio: 'inherit',
});
if (status !== 0) fail('The app could not be packaged.', 'See the output above.');
await checkFuses();
say('✓ dist/');

/** The packed program has the fuses that it should have, whatever electron-builder made of its configuration. */
async function checkFuses() {
  const unpacked = join(root, 'dist/linux-unpacked');
  const programs = { linux: join(unpacked, 'forja'), win32: join(root, 'dist/win-unpacked/Forja.exe') };
  const program = programs[process.platform];
  // The fallback runtime keeps its own: it lacks one, and tests of the packed app attach a debugger. macOS: what is packed is signed.
  if (runtime.isFallback || program === undefined || !existsSync(program)) return;
  const { fuseFaults, wantedFuses } = await import('./lib/fuses.mjs');
  const faults = await fuseFaults(program);
  if (faults.length > 0) fail(`The fuses of ${program} are not as they should be.`, faults.join('\n'));
  say(`✓ ${Object.keys(wantedFuses()).length} fuses of ${program}`);
}

/** The trainer with llama.cpp's libraries beside it, found from where it lies. */
function stageTrainer(folder) {
  mkdirSync(folder, { recursive: true });
  const isWindows = process.platform === 'win32';
  const name = isWindows ? 'forja-trainer.exe' : 'forja-trainer';
  const built = ['native/build', 'native/build/Release'].map((place) => join(root, place, name)).find(existsSync);
  const program = join(folder, name);
  copyFileSync(built, program);
  for (const [index, place] of libraryFolders().entries()) {
    for (const file of readdirSync(place)) {
      // Of a second package only the backend that it adds: the rest is there already.
      const isWanted = index === 0 ? /\.(so|dylib|dll|metal)$/ : /^(lib)?ggml-vulkan\./;
      if (isWanted.test(file)) cpSync(join(place, file), join(folder, file), { dereference: true });
    }
  }
  if (process.platform === 'linux') setSearchPath(program, '$ORIGIN');
  if (process.platform === 'darwin') must('install_name_tool', ['-add_rpath', '@loader_path', program]);
}

/** Folders of the platform packages that hold llama.cpp's libraries: the plain one first, then Vulkan's; CUDA's is too large. */
function libraryFolders() {
  const packages = join(root, 'node_modules/@node-llama-cpp');
  const platform = { linux: 'linux', darwin: 'mac', win32: 'win' }[process.platform];
  const own = readdirSync(packages).filter((name) => {
    return name.startsWith(`${platform}-${process.arch}`) && !name.includes('cuda');
  });
  return own.sort().flatMap((name) => {
    const bins = join(packages, name, 'bins');
    return existsSync(bins) ? readdirSync(bins).map((inner) => join(bins, inner)) : [];
  });
}

/** Where an ELF program looks for its libraries, written over the checkout's own path, as `cmake --install` does. */
function setSearchPath(program, path) {
  const script = join(stage, 'search-path.cmake');
  writeFileSync(script, `file(RPATH_SET FILE "${program}" NEW_RPATH "${path}")\n`);
  must('cmake', ['-P', script]);
  rmSync(script);
}

/** electron-builder.yml, with what depends on the runtime at hand. */
function writeConfig() {
  const plain = join(root, 'electron-builder.yml');
  if (!runtime.isFallback) return plain;
  say(`▸ packing for the fallback runtime, Electron ${runtime.version}: to try it here, not to give away`);
  copyFileSync(runtime.env.FORJA_SQLITE_ADDON, join(stage, 'better_sqlite3.node'));
  const config = {
    extends: plain,
    electronDist: join(runtime.executable, '..'),
    electronVersion: runtime.version,
    // It lacks some of the switches.
    electronFuses: null,
    extraResources: [{ from: 'dist/stage/better_sqlite3.node', to: 'better_sqlite3.node' }],
  };
  const path = join(stage, 'electron-builder.json');
  writeFileSync(path, JSON.stringify(config));
  return path;
}

function must(program, args) {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) fail(`${program} failed.`, stderr);
}
