import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { fail, runShown } from './console.mjs';
import { root } from './paths.mjs';

const native = join(root, 'native');
export const build = join(native, 'build');
const stampFile = join(build, '.forja-stamp');
const TEST_FOLDERS = ['tests', 'bench'];

/** A hash of files below native/, with the release of llama.cpp they are built with. */
function hashOf(isPart) {
  const hash = createHash('sha256').update(readFileSync(join(root, 'node_modules/node-llama-cpp/package.json')));
  const visit = (folder, inner) => {
    for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const name = inner === '' ? entry.name : `${inner}/${entry.name}`;
      // Asked of links too: native/build may be one to a folder elsewhere.
      if (!isPart(name)) continue;
      if (entry.isDirectory()) visit(join(folder, entry.name), name);
      else hash.update(name).update(readFileSync(join(folder, entry.name)));
    }
  };
  visit(native, '');
  return hash.digest('hex');
}

/** What was built last: a hash of the trainer's sources, and one with the tests' too, or null without them. */
function readStamp() {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'));
  } catch {
    return { trainer: null, tests: null };
  }
}

const works = (program, args = ['--version']) => spawnSync(program, args, { stdio: 'ignore' }).status === 0;

/** Ends the process with what to install when a tool is missing. */
function checkTools() {
  const missing = [];
  if (!works('git')) missing.push('git');
  if (!works('cmake')) missing.push('CMake 3.21 or newer');
  const compilers = [process.env.CXX, 'c++', 'g++', 'clang++'].filter(Boolean);
  if (process.platform !== 'win32' && !compilers.some((name) => works(name))) missing.push('a C++20 compiler');
  if (missing.length === 0) return;
  const how = {
    linux:
      'Debian, Ubuntu:  sudo apt install git g++ cmake ninja-build\nFedora:          sudo dnf install git gcc-c++ cmake ninja-build',
    darwin: 'xcode-select --install, then brew install cmake ninja',
    win32: 'Install Git, and Visual Studio Build Tools with "Desktop development with C++" (it brings CMake).',
  };
  fail(
    `To build the trainer this is missing: ${missing.join(', ')}.`,
    how[process.platform] ?? 'Install them and run this again.',
  );
}

/**
 * Builds forja-trainer when its sources, or the llama.cpp it uses, changed since the last build.
 * @param {{ tests?: boolean }} options tests: build the native tests and fixtures too; once built they stay part of the build
 */
export async function ensureTrainer({ tests = false } = {}) {
  const isSource = (name) => !name.startsWith('build') && !name.endsWith('__pycache__');
  const trainerHash = hashOf((name) => isSource(name) && !TEST_FOLDERS.includes(name));
  const testsHash = hashOf(isSource);
  const last = readStamp();
  if (tests ? last.tests === testsHash : last.trainer === trainerHash) return;
  checkTools();
  const withTests = tests || last.tests !== null;
  const isNew = !existsSync(join(build, 'CMakeCache.txt'));
  const generator = isNew && works('ninja') ? ['-G', 'Ninja'] : [];
  const options = ['-DCMAKE_BUILD_TYPE=Release', `-DFORJA_TESTS=${withTests ? 'ON' : 'OFF'}`];
  const configure = ['-S', native, '-B', build, ...generator, ...options];
  if (!(await runShown('configuring the trainer', 'cmake', configure, { cwd: root })).ok) {
    fail('The trainer could not be configured.', 'See the output above. `rm -r native/build` starts afresh.');
  }
  // A compiler takes up to 1.5 GB.
  const jobs = Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / 1.5e9)));
  const compile = ['--build', build, '--config', 'Release', '--parallel', String(jobs)];
  const progress = (line) => /\[\s*(\d+\/\d+|\d+%)\]/.exec(line)?.[1] ?? null;
  const title = withTests ? 'building the trainer and its tests' : 'building the trainer';
  if (!(await runShown(title, 'cmake', compile, { cwd: root, progress })).ok) {
    fail('The trainer could not be built.', 'See the output above.');
  }
  writeFileSync(stampFile, JSON.stringify({ trainer: trainerHash, tests: withTests ? testsHash : null }));
}
