import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type ElectronApplication, type Page } from '@playwright/test';
import { makeTinyModel } from './flow.ts';
import { launch } from './launch.ts';
import { call, TRAIN_ROWS } from './sample.ts';
import { test } from './test.ts';

/** All entries of the menu, with the shortcut of those that have one. */
async function menuEntries(app: ElectronApplication): Promise<{ label: string; accelerator: string }[]> {
  return await app.evaluate(({ Menu }) => {
    const flat = (items: Electron.MenuItem[]): Electron.MenuItem[] =>
      items.flatMap((item) => [item, ...flat(item.submenu?.items ?? [])]);
    return flat(Menu.getApplicationMenu()!.items)
      .filter(({ type }) => type !== 'separator')
      .map(({ label, accelerator }) => ({ label, accelerator: accelerator?.toString() ?? '' }));
  });
}

async function chooseEntry(app: ElectronApplication, label: string): Promise<void> {
  await app.evaluate(({ Menu }, wanted) => {
    const flat = (items: Electron.MenuItem[]): Electron.MenuItem[] =>
      items.flatMap((item) => [item, ...flat(item.submenu?.items ?? [])]);
    // Electron types `click` as any function.
    const click = flat(Menu.getApplicationMenu()!.items).find((item) => item.label === wanted)!.click as () => void;
    click();
  }, label);
}

const hash = (page: Page) => page.evaluate(() => window.location.hash);

test('the menu leads to every screen, and speaks the language of the settings', async () => {
  const { app, page, close } = await launch();
  for (const [label, route] of [
    ['Runs', '#/runs'],
    ['Queue', '#/queue'],
    ['Playground', '#/playground'],
    ['Export', '#/export'],
    ['Settings', '#/settings'],
    ['New fine-tune', '#/new'],
    ['Start', '#/'],
  ] as const) {
    await chooseEntry(app, label);
    await expect.poll(() => hash(page)).toBe(route);
    await expect(page.locator('main h1')).toBeVisible();
  }
  const english = await menuEntries(app);
  expect(english).toContainEqual({ label: 'About Forja', accelerator: '' });
  expect(english.map(({ label }) => label)).not.toContain('Check for updates…');
  await call(page, 'settings.set', { language: 'es' });
  await expect
    .poll(async () => (await menuEntries(app)).map(({ label }) => label))
    .toEqual(expect.arrayContaining(['Archivo', 'Entrenamientos', 'Cola', 'Probar', 'Acerca de Forja']));
  await close();
});

test('a model from the command line, from a second start and from the system opens as a new fine-tune', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'forja-open-'));
  try {
    const first = makeTinyModel(dataDir);
    const [second, third] = ['second.gguf', 'third model.gguf'].map((name) => join(dataDir, name)) as [string, string];
    for (const copy of [second, third]) copyFileSync(first, copy);
    const { app, page, close } = await launch({ dataDir, args: [first] });
    const chosen = page.locator('main .path.mono');
    await expect(page).toHaveURL(/#\/new/);
    await expect(chosen).toHaveText(first);

    const [program, ...args] = await app.evaluate(() => [
      process.execPath,
      ...process.argv.slice(1).filter((one) => !one.endsWith('.gguf') && !one.startsWith('--remote')),
    ]);
    await chooseEntry(app, 'Start');
    const again = spawn(program, [...args, second], {
      env: { ...process.env, FORJA_DATA_DIR: dataDir },
      stdio: 'ignore',
    });
    await new Promise((resolve) => again.once('exit', resolve));
    await expect(page).toHaveURL(/#\/new/);
    await expect(chosen).toHaveText(second);
    expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);

    // As macOS tells of a file that was opened.
    await app.evaluate(({ app: electron }, path) => {
      electron.emit('open-file', { preventDefault: () => undefined }, path);
    }, third);
    await expect(chosen).toHaveText(third);
    await close();
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test('a model and a dataset that are dropped on the window are read', async () => {
  const { page, dataDir, close } = await launch();
  const model = makeTinyModel(dataDir);
  await page.evaluate(() => (window.location.hash = '#/new'));
  const target = page.getByRole('group', { name: /Drop a GGUF/ });
  await expect(target).toBeVisible();
  // The files come from the browser with their paths, as from a file manager; a File made in the page would have none.
  const session = await page.context().newCDPSession(page);
  const drop = async (path: string, at: { x: number; y: number }) => {
    const data = { items: [], files: [path], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
      await session.send('Input.dispatchDragEvent', { type, ...at, data });
    }
  };
  const box = (await target.boundingBox())!;
  const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  await drop(model, middle);
  await expect(page.locator('main .path.mono').first()).toHaveText(model);
  await drop(TRAIN_ROWS, middle);
  await expect(page.locator('main')).toContainText('orders-train.jsonl');
  await close();
});
