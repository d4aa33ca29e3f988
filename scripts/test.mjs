// `npm test`: everything that must hold. Goes on after a failure, and ends with one line that sums all up.
//   npm test                 all
//   npm test -- lint unit    only these: lint, types, unit, screens, native, device, e2e, app
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { say } from './lib/console.mjs';
import { deviceCases } from './lib/device-tests.mjs';
import { modernNode, root } from './lib/paths.mjs';
import { setup } from './lib/setup.mjs';
import { build } from './lib/trainer.mjs';

/** @typedef {{ passed: number, failed: number, skipped: string[] }} Counts skipped: the tests' names */

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
  return { passed, failed: commands.length - passed, skipped: [] };
}

/** @returns {Counts} */
function vitest(project) {
  const report = join(scratch, `${project}.json`);
  const args = ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const ok = run(node, [join(root, 'node_modules/vitest/vitest.mjs'), ...args]);
  try {
    const { numPassedTests, numFailedTests, numTotalTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
    // A file that can't even be loaded has no tests: it counts as one that failed.
    const broken = !ok && numFailedTests === 0 ? 1 : 0;
    return {
      passed: numPassedTests,
      failed: numFailedTests + broken + (numTotalTests === 0 ? 1 : 0),
      skipped: testResults
        .flatMap(({ assertionResults }) => assertionResults)
        .filter(({ status }) => status !== 'passed' && status !== 'failed')
        .map(({ fullName }) => fullName),
    };
  } catch {
    return { passed: 0, failed: 1, skipped: [] };
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

/** @param {string[]} which ctest's options that choose @returns {Counts} */
function ctest(...which) {
  env.FORJA_SAMPLE_MODEL ??= sampleModel();
  const report = join(scratch, 'ctest.xml');
  const args = ['--test-dir', build, ...which, '--output-on-failure', '-C', 'Release', '--output-junit', report];
  // One at a time: ggml's threads spin while they wait, and two tests on two cores would wait for each other's threads.
  const ok = run('ctest', args);
  try {
    const xml = readFileSync(report, 'utf8');
    const head = /<testsuite\b[^>]*>/.exec(xml)?.[0] ?? '';
    const count = (name) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
    const skipped = [...xml.matchAll(/<testcase name="([^"]+)"[^>]*>\s*<skipped/g)].map(([, name]) => name);
    const failed = count('failures');
    const passed = count('tests') - failed - skipped.length;
    return { passed, failed: failed === 0 && (!ok || count('tests') === 0) ? 1 : failed, skipped };
  } catch {
    return { passed: 0, failed: 1, skipped: [] };
  }
}

/** What runs on GPUs: with the CPU in a device's part, then on the devices of this machine. @returns {Counts} */
function device() {
  const everywhere = ctest('-L', 'device');
  const here = deviceCases(build, scratch, env);
  return {
    passed: everywhere.passed + here.passed,
    failed: everywhere.failed + here.failed,
    skipped: [...everywhere.skipped, ...here.skipped],
  };
}

/** The desktop app, in a real window. @returns {Promise<Counts>} */
async function app() {
  const report = join(scratch, 'app.json');
  const { runPlaywright } = await import('./lib/app-tests.mjs');
  const ok = await runPlaywright(['--reporter=list,json'], { PLAYWRIGHT_JSON_OUTPUT_NAME: report });
  try {
    const { stats, suites } = JSON.parse(readFileSync(report, 'utf8'));
    const specs = (suite) => [...(suite.specs ?? []), ...(suite.suites ?? []).flatMap(specs)];
    const skipped = suites
      .flatMap(specs)
      .filter(({ tests }) => tests.every(({ status }) => status === 'skipped'))
      .map(({ title }) => title);
    const failed = stats.unexpected + stats.flaky;
    return { passed: stats.expected, failed: failed === 0 && !ok ? 1 : failed, skipped };
  } catch {
    return { passed: 0, failed: 1, skipped: [] };
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
  native: () => ctest('-LE', 'device'),
  device,
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
  console.log(`${name.padEnd(7)} ${passed} passed, ${failed} failed, ${skipped.length} skipped`);
  for (const test of skipped) console.log(`        skipped: ${test}`);
}
const sum = (count) => results.reduce((total, [, counts]) => total + count(counts), 0);
const failed = sum((counts) => counts.failed);
console.log(
  `${sum((counts) => counts.passed)} passed, ${failed} failed, ${sum((counts) => counts.skipped.length)} skipped`,
);
process.exit(failed === 0 ? 0 : 1);
