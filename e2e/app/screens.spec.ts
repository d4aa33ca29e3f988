import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { answerOpenDialog, launch } from './launch.ts';
import { call } from './sample.ts';

/** The screens that the sidebar leads to. */
async function routes(page: Page): Promise<string[]> {
  const links = page.locator('nav a[href^="#/"]');
  return await links.evaluateAll((all) => all.map((link) => link.getAttribute('href')!));
}

async function goTo(page: Page, route: string): Promise<void> {
  await page.evaluate((hash) => (window.location.hash = hash), route);
  await expect(page.locator('main h1')).toBeVisible();
  await page.waitForTimeout(300);
}

for (const theme of ['light', 'dark'] as const) {
  test(`no screen has what axe calls a violation (${theme})`, async () => {
    const { page, close } = await launch();
    await call(page, 'settings.set', { theme });
    await page.reload();
    await page.waitForSelector('main h1');
    for (const route of await routes(page)) {
      await goTo(page, route);
      // Playwright opens a page of its own for this unless told otherwise, which Electron has none for.
      const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
      const told = violations.map(
        ({ id, nodes }) => `${route} ${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
      );
      expect(told).toEqual([]);
    }
    await close();
  });
}

test('in Spanish every screen has its own title, and the language stays after a reload', async () => {
  const { page, close } = await launch();
  const all = await routes(page);
  const titles = async () => {
    const found: string[] = [];
    for (const route of all) {
      await goTo(page, route);
      found.push((await page.locator('main h1').textContent())!.trim());
    }
    return found;
  };
  const english = await titles();
  await call(page, 'settings.set', { language: 'es' });
  await page.reload();
  await page.waitForSelector('main h1');
  await expect(page.locator('html')).toHaveAttribute('lang', 'es');
  const spanish = await titles();
  for (const [index, title] of spanish.entries()) expect(title).not.toBe(english[index]);
  await close();
});

test('with the keyboard alone one comes to every screen, and sees where one is', async () => {
  const { page, close } = await launch();
  for (const route of await routes(page)) {
    await page.evaluate(() => {
      document.body.focus();
      (document.activeElement as HTMLElement | null)?.blur();
    });
    let found = false;
    for (let presses = 0; presses < 40 && !found; presses++) {
      await page.keyboard.press('Tab');
      found = await page.evaluate((href) => document.activeElement?.getAttribute('href') === href, route);
    }
    expect(found, `Tab comes to ${route}`).toBe(true);
    const isSeen = await page.evaluate(() => {
      const { outlineStyle, boxShadow } = getComputedStyle(document.activeElement!);
      return outlineStyle !== 'none' || boxShadow !== 'none';
    });
    expect(isSeen, `the focus on ${route} is seen`).toBe(true);
    await page.keyboard.press('Enter');
    await expect.poll(() => page.evaluate(() => window.location.hash || '#/')).toBe(route);
  }
  await close();
});

test('a file that is no model, and a dataset with broken rows, are told of where they were chosen', async () => {
  const { app, page, dataDir, close } = await launch();
  const noModel = join(dataDir, 'not-a-model.gguf');
  writeFileSync(noModel, 'GGUF, but not really');
  await answerOpenDialog(app, noModel);
  await call(page, 'dialogs.openModel', { purpose: 'base' });
  await expect(call(page, 'models.inspect', { path: noModel })).rejects.toThrow(/gguf_/);
  await goTo(page, `#/new?model=${encodeURIComponent(noModel)}`);
  await expect(page.locator('main')).toContainText(/GGUF/);
  await expect(page.locator('main [role=alert], main .notice').first()).toBeVisible();

  const rows = join(dataDir, 'rows.jsonl');
  writeFileSync(rows, '{"instruction":"a","output":"b"}\nbroken\n{"instruction":"c","output":"d"}\n');
  await answerOpenDialog(app, rows);
  await call(page, 'dialogs.openDataset', { purpose: 'train' });
  const sample = (await call(page, 'models.fetchSample'))!;
  const query = new URLSearchParams({ model: sample.model_path, data: rows });
  // Away and back: what is being put together outlives its screen, and still knows what it lacks.
  await goTo(page, '#/');
  await goTo(page, `#/new?${query.toString()}`);
  await expect(page.locator('main'))
    .toContainText('invalid_json', { ignoreCase: true })
    .catch(async () => {
      await expect(page.locator('main')).toContainText(/not (valid )?JSON/i);
    });
  await expect(page.getByRole('button', { name: 'Start training' })).toBeEnabled();
  await close();
});
