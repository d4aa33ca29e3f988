// `npm test`: everything that must hold. Goes on after a failure, and ends with one line that sums all up.
//   npm test                 all
//   npm test -- lint unit    only these: lint, types, unit, screens, native, e2e, app
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { say } from './lib/console.mjs';
import { modernNode, root } from './lib/paths.mjs';
import { setup } from './lib/setup.mjs';
import { build } from './lib/trainer.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

await setup({ tests: true });
const node = modernNode();
const scratch = mkdtempSync(join(tmpdir(), 'forja-test-'));
const env = { ...process.env, PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH}` };

/** Runs a program with its output shown. @returns {boolean} whether it ended well */
function run(program, args) {
  return spawnSync(program, args, { cwd: root, env, stdio: 'inherit' }).status === 0;
}

/** Some checks that count as one test each. @returns {Counts} */
function checks(...commands) {
  const passed = commands.filter(([file, ...args]) => run(node, [join(root, file), ...args])).length;
  return { passed, failed: commands.length - passed, skipped: 0 };
}

/** @returns {Counts} */
function vitest(project) {
  const report = join(scratch, `${project}.json`);
  const args = ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const ok = run(node, [join(root, 'node_modules/vitest/vitest.mjs'), ...args]);
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTotalTests } = JSON.parse(readFileSync(report, 'utf8'));
    // A file that can't even be loaded has no tests: it counts as one that failed.
    const broken = !ok && numFailedTests === 0 ? 1 : 0;
    return {
      passed: numPassedTests,
      failed: numFailedTests + broken + (numTotalTests === 0 ? 1 : 0),
      skipped: numPendingTests,
    };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/** The real model that some native tests compare on; fetched once. Empty where it can't be had: those tests say so. */
function sampleModel() {
  const script =
    "import { ensureSampleModel } from './main/models/index.ts'; console.log(await ensureSampleModel(console.error));";
  const { stdout } = spawnSync(node, ['--input-type=module', '-e', script], {
    cwd: root,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return stdout.trim();
}

/** @returns {Counts} */
function ctest() {
  env.FORJA_SAMPLE_MODEL = sampleModel();
  const report = join(scratch, 'ctest.xml');
  const args = ['--test-dir', build, '--output-on-failure', '-C', 'Release', '--output-junit', report];
  // One at a time: ggml's threads spin while they wait, and two tests on two cores would wait for each other's threads.
  const ok = run('ctest', args);
  try {
    const head = /<testsuite\b[^>]*>/.exec(readFileSync(report, 'utf8'))?.[0] ?? '';
    const count = (name) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
    const skipped = count('skipped') + count('disabled');
    const failed = count('failures');
    const passed = count('tests') - failed - skipped;
    return { passed, failed: failed === 0 && (!ok || count('tests') === 0) ? 1 : failed, skipped };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/** The desktop app, in a real window. @returns {Promise<Counts>} */
async function app() {
  const report = join(scratch, 'app.json');
  const { runPlaywright } = await import('./lib/app-tests.mjs');
  const ok = await runPlaywright(['--reporter=list,json'], { PLAYWRIGHT_JSON_OUTPUT_NAME: report });
  try {
    const { expected, unexpected, flaky, skipped } = JSON.parse(readFileSync(report, 'utf8')).stats;
    const failed = unexpected + flaky;
    return { passed: expected, failed: failed === 0 && !ok ? 1 : failed, skipped };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

const STAGES = {
  lint: () =>
    checks(
      ['node_modules/eslint/bin/eslint.js', '.', '--max-warnings=0'],
      ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.'],
    ),
  types: () =>
    checks(
      ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json'],
      ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'main/contracts/tsconfig.json'],
      ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'e2e/app/tsconfig.json'],
      ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'e2e/screenshots/tsconfig.json'],
      ['node_modules/svelte-check/bin/svelte-check', '--tsconfig', 'renderer/tsconfig.json', '--output', 'human'],
      ['scripts/generate-protocol-types.mjs', '--check'],
    ),
  unit: () => vitest('unit'),
  screens: () => vitest('renderer'),
  native: ctest,
  e2e: () => vitest('e2e'),
  app,
};

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !(name in STAGES));
if (unknown !== undefined) {
  say(`There is no stage ${unknown}: ${Object.keys(STAGES).join(', ')}.`);
  process.exit(2);
}
/** @type {[string, Counts][]} */
const results = [];
for (const [name, stage] of Object.entries(STAGES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  say(`\n── ${name} ──`);
  results.push([name, await stage()]);
}
rmSync(scratch, { recursive: true, force: true });

console.log('');
for (const [name, { passed, failed, skipped }] of results) {
  console.log(`${name.padEnd(7)} ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
}
const sum = (key) => results.reduce((total, [, counts]) => total + counts[key], 0);
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
process.exit(sum('failed') === 0 ? 0 : 1);
