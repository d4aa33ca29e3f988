// `npm run fuzz`: mutated files and messages through all that reads them. Nothing may crash, hang for 5 s, take too much memory, or fail
// without a code; what does is kept in findings/ with seed and number.
//   npm run fuzz                                        1,000 inputs of each campaign
//   npm run fuzz -- model datasets --runs 100000 --seed 7
//   npm run fuzz -- model --guided 600                  libFuzzer for 600 s, where clang is installed
// Files read by the trainer: model, adapter, checkpoint, tokens, job, row; by the core: datasets, templates, messages.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fail, runShown, say } from './lib/console.mjs';
import { modernNode, root } from './lib/paths.mjs';
import { setup } from './lib/setup.mjs';

const NATIVE = ['model', 'adapter', 'checkpoint', 'tokens', 'job', 'row'];
const CORE = ['datasets', 'templates', 'messages'];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    keep: { type: 'string', default: join(root, 'findings') },
    guided: { type: 'string' },
  },
});
const names = positionals.length > 0 ? positionals : [...CORE, ...NATIVE];
const unknown = names.find((name) => !NATIVE.includes(name) && !CORE.includes(name));
if (unknown !== undefined) fail(`There is no campaign ${unknown}.`, `There are ${[...CORE, ...NATIVE].join(', ')}.`);

await setup();
const folder = join(root, 'native/build-fuzz');
const hasClang = spawnSync('clang++', ['--version'], { stdio: 'ignore' }).status === 0;
if (names.some((name) => NATIVE.includes(name))) await buildNative();
const failed = names.filter((name) => !run(name));
if (failed.length > 0) fail(`Something was found: ${failed.join(', ')}.`, `The inputs are in ${values.keep}.`);

/** All of our own code with sanitizers, in a folder of its own. */
async function buildNative() {
  const compiler = hasClang ? ['-DCMAKE_C_COMPILER=clang', '-DCMAKE_CXX_COMPILER=clang++'] : [];
  const options = [
    '-DCMAKE_BUILD_TYPE=Release',
    '-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG',
    '-DFORJA_FUZZ=ON',
    '-DFORJA_SANITIZE=ON',
  ];
  const configure = ['-S', join(root, 'native'), '-B', folder, ...compiler, ...options];
  const targets = hasClang ? ['forja-fuzz', 'forja-libfuzzer'] : ['forja-fuzz'];
  const compile = ['--build', folder, '--parallel', String(availableParallelism()), '--target', ...targets];
  const ok =
    (await runShown('configuring with sanitizers', 'cmake', configure, { cwd: root })).ok &&
    (await runShown('building with sanitizers', 'cmake', compile, { cwd: root })).ok;
  if (!ok) fail('The fuzzing programs could not be built.', 'See the output above.');
}

/** @returns {boolean} whether nothing was found */
function run(name) {
  const { runs, seed, keep, guided } = values;
  const isGuided = guided !== undefined && NATIVE.includes(name);
  if (isGuided && !hasClang) fail('libFuzzer comes with clang, which is not installed.', 'Leave --guided out.');
  say(`\n── ${name} ──`);
  const common = [name, '--runs', runs, '--seed', seed, '--keep', keep];
  // llama.cpp's own libraries are not built with sanitizers: what they keep until the end is no leak of ours.
  const env = { ...process.env, ASAN_OPTIONS: 'detect_leaks=0:quarantine_size_mb=16', FORJA_FUZZ_TARGET: name };
  const corpus = join(keep, `corpus-${name}`);
  if (isGuided) mkdirSync(corpus, { recursive: true });
  const [program, args] = CORE.includes(name)
    ? [modernNode(), [join(root, 'scripts/fuzz/run.ts'), ...common]]
    : isGuided
      ? [join(folder, 'fuzz/forja-libfuzzer'), guidedArgs(corpus, keep, guided, seed)]
      : [join(folder, 'fuzz/forja-fuzz'), common];
  return spawnSync(program, args, { cwd: root, stdio: 'inherit', env }).status === 0;
}

function guidedArgs(corpus, keep, seconds, seed) {
  return [
    corpus,
    `-max_total_time=${seconds}`,
    `-seed=${seed}`,
    `-artifact_prefix=${keep}/`,
    `-dict=${join(root, 'native/fuzz/gguf.dict')}`,
    ...[
      '-timeout=5',
      '-rss_limit_mb=2048',
      '-malloc_limit_mb=1024',
      '-max_len=400000',
      '-detect_leaks=0',
      '-print_final_stats=1',
    ],
  ];
}
