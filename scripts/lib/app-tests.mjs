import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureDisplay } from '../electron-runtime/display.mjs';
import { ensureElectron } from '../electron-runtime/index.mjs';
import { ensureApp } from './app-build.mjs';
import { say } from './console.mjs';
import { modernNode, root } from './paths.mjs';

/**
 * Runs Playwright on the built app, on a virtual display.
 * @param {string[]} args Playwright's
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<boolean>} whether it ended well
 */
export function runPlaywright(args, env = {}) {
  return runWithApp([modernNode(), join(root, 'node_modules/@playwright/test/cli.js'), 'test', ...args], env);
}

/**
 * Runs a program that starts the built app, on a virtual display.
 * @param {string[]} command the program and its arguments
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<boolean>} whether it ended well
 */
export async function runWithApp(command, env = {}) {
  let runtime;
  try {
    runtime = await ensureElectron();
  } catch (error) {
    say(`✗ ${error.message}`);
    return false;
  }
  const { prefix, missing } = ensureDisplay(runtime.executable);
  if (missing.length > 0) {
    say(`✗ The app can't be tested: install ${missing.join(' ')}.`);
    return false;
  }
  await ensureApp();
  const [program, ...rest] = [...prefix, ...command];
  const { status } = spawnSync(program, rest, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...runtime.env, FORJA_ELECTRON_PATH: runtime.executable, ...env },
  });
  return status === 0;
}
