import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@playwright/test';
import BetterSqlite from 'better-sqlite3';
import { appArguments, launch, PATIENCE_MS, within } from './launch.ts';
import { call } from './sample.ts';
import { test } from './test.ts';

let dataDir: string;
test.beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), 'forja-start-'))));
test.afterEach(() => rmSync(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));

/** Starts the app as a person does, without Playwright: it may never show a window. */
function start(): { child: ChildProcess; said: () => string } {
  const child = spawn(process.env.FORJA_ELECTRON_PATH!, appArguments(), {
    env: { ...process.env, FORJA_DATA_DIR: dataDir },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  return { child, said: () => text };
}

test('a second start on the same data brings the first window to the front and ends', async () => {
  const { app, page, close } = await launch({ dataDir });
  await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.minimize());
  const { child, said } = start();
  const [code] = (await within(PATIENCE_MS, once(child, 'exit'), () => `The second did not end: ${said()}`)) as [
    number,
  ];
  expect(code).toBe(0);
  // A virtual display has no window manager, which alone brings windows to the front: what the app asks for is seen.
  await expect
    .poll(() => app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().map((one) => one.isMinimized())))
    .toEqual([false]);
  expect(await call(page, 'runs.list')).toEqual([]);
  await close();
});

test('settings broken by hand: the app opens with the defaults, and what was there is kept', async () => {
  const broken = '{ "theme": "dark", "language": "es", // mine\n';
  mkdirSync(join(dataDir, 'app'), { recursive: true });
  const file = join(dataDir, 'app/settings.json');
  writeFileSync(file, broken);
  writeFileSync(join(dataDir, 'app/window.json'), '\u0000\u0000');
  const { page, close } = await launch({ dataDir });
  expect(await call(page, 'settings.get')).toMatchObject({ theme: 'system', language: 'system' });
  await call(page, 'settings.set', { theme: 'light' });
  await close();
  expect(readFileSync(`${file}.broken`, 'utf8')).toBe(broken);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ theme: 'light' });
});

test('a database that another program has locked: the app says so, and opens when it is free', async () => {
  const db = new BetterSqlite(join(dataDir, 'forja.sqlite3'));
  db.exec('BEGIN EXCLUSIVE');
  const { child, said } = start();
  try {
    await expect.poll(said, { timeout: PATIENCE_MS }).toContain('Forja could not start');
    expect(said()).toMatch(/forja\.sqlite3 is in use by another program/);
    expect(readFileSync(join(dataDir, 'crashes.log'), 'utf8')).toContain('is in use by another program');
  } finally {
    child.kill('SIGKILL'); // its dialog waits for a person
    await once(child, 'exit');
    db.close();
  }
  const { page, close } = await launch({ dataDir });
  expect(await call(page, 'runs.list')).toEqual([]);
  await close();
});
