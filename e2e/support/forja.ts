import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, inject } from 'vitest';

const ENTRY = join(import.meta.dirname, '../../main/cli/forja.mjs');

/** One line of stdout with --json. */
export interface Line {
  type: string;
  seq?: number;
  data?: Record<string, unknown>;
  [name: string]: unknown;
}

/** What a command did. */
export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
  /** With --json: each line of stdout. */
  lines: Line[];
  /** The last of them. */
  last: Line;
  /** Data of the events of a type. */
  events: (type: string) => Record<string, unknown>[];
}

/** A folder for one test file, with its own database, and the models. */
export interface Workplace {
  dir: string;
  /** Forja's own folder; set it to another to have it elsewhere. */
  data_dir: string;
  path: (name: string) => string;
  /** Writes a file and gives its path. */
  write: (name: string, content: string | Buffer) => string;
  forja: (...args: string[]) => Promise<Outcome>;
  /** As forja; `onLine` gets each line of stdout and the running process. */
  watch: (args: string[], onLine: (line: Line, child: ChildProcess) => void) => Promise<Outcome>;
}

/** Commands that run: one that a test gave up on must not go on beside the next. */
const running = new Set<ChildProcess>();

/** Makes a workplace before the tests of a file and removes it after them. */
export function useWorkplace(): Workplace {
  const place = {
    dir: '',
    data_dir: '',
    path: (name: string) => join(place.dir, name),
    write: (name: string, content: string | Buffer) => {
      writeFileSync(place.path(name), content);
      return place.path(name);
    },
    forja: (...args: string[]) => run(place, args),
    watch: (args: string[], onLine: (line: Line, child: ChildProcess) => void) => run(place, args, onLine),
  };
  beforeAll(() => {
    place.dir = mkdtempSync(join(tmpdir(), 'forja-e2e-'));
    place.data_dir = join(place.dir, 'forja-data');
  });
  afterEach(() => {
    for (const child of running) child.kill('SIGTERM');
  });
  afterAll(() => rmSync(place.dir, { recursive: true, force: true }));
  return place;
}

/** A fixture model, see native/tests/fixtures. */
export function fixture(name: string): string {
  return join(inject('fixtures'), name);
}

function run(
  { dir, data_dir }: { dir: string; data_dir: string },
  args: string[],
  onLine?: (line: Line, child: ChildProcess) => void,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const env = { ...process.env, FORJA_DATA_DIR: data_dir };
    const child = spawn(process.execPath, [ENTRY, ...args], { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    let stdout = '';
    let stderr = '';
    let seen = 0;
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      stdout += piece;
      for (let end = stdout.indexOf('\n', seen); end >= 0; end = stdout.indexOf('\n', seen)) {
        const text = stdout.slice(seen, end);
        seen = end + 1;
        onLine?.(JSON.parse(text) as Line, child);
      }
    });
    child.stderr.setEncoding('utf8').on('data', (piece: string) => (stderr += piece));
    child.on('close', (code) => {
      running.delete(child);
      const texts = args.includes('--json') ? stdout.split('\n').filter((text) => text !== '') : [];
      // Every line must be JSON: a stray word on stdout fails the test here.
      const lines = texts.map((text) => JSON.parse(text) as Line);
      const events = (type: string) =>
        lines.filter((line) => line.type === type && line.data !== undefined).map(({ data }) => data!);
      resolve({ code, stdout, stderr, lines, last: lines.at(-1) ?? { type: 'nothing' }, events });
    });
  });
}

/** Expects a command to be refused with a code, a message on stderr and the same in the last line of --json. */
export function expectRefusal(
  { code, last, stderr }: Outcome,
  error_code: string,
  message: RegExp,
  exit_code = 2,
): void {
  expect(stderr).toMatch(message);
  expect(last).toMatchObject({
    type: 'summary',
    ok: false,
    exit_code,
    code: error_code,
    message: expect.stringMatching(message) as string,
  });
  expect(last.hint).not.toBe('');
  expect(code).toBe(exit_code);
}

/** Alpaca rows, short enough for the tiny models' context. */
export function alpacaRows(count: number): string {
  return Array.from({ length: count }, (_, at) =>
    JSON.stringify({ instruction: `Add ${at} and ${at + 1}.`, input: '', output: `The sum is ${2 * at + 1}.` }),
  ).join('\n');
}
