import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { say } from './console.mjs';
import { root } from './paths.mjs';

const WAIT_MS = 1000;
const file = join(tmpdir(), `forja-setup-${createHash('sha256').update(root).digest('hex').slice(0, 12)}.lock`);

/** Runs `work` while no other process does so for this checkout: `npm test` beside `npm run demo` waits for its setup. */
export async function withSetupLock(work) {
  for (let isTold = false; !take(); isTold = true) {
    if (!isTold) say('▸ waiting for another setup of this checkout …');
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
  const release = () => rmSync(file, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}

/** @returns {boolean} whether the lock is ours now; one that a dead process left is taken over */
function take() {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  const holder = readHolder();
  // Empty: its owner is about to write its number.
  if (holder !== '' && !isAlive(Number(holder))) rmSync(file, { force: true });
  return false;
}

function readHolder() {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function isAlive(pid) {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
