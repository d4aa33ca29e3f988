import { expect } from '@playwright/test';
import { makeRows, makeTinyModel, startRun, statusOf, violations } from './flow.ts';
import { launch } from './launch.ts';
import { call } from './sample.ts';
import { test } from './test.ts';

test('no screen has what axe calls a violation, light or dark', async () => {
  const running = await launch();
  const { page, dataDir, close } = running;
  const links = page.locator('nav a[href^="#/"]');
  const routes = await links.evaluateAll((all) => all.map((link) => link.getAttribute('href')!));
  const look = async () => {
    for (const route of routes) {
      await page.evaluate((hash) => (window.location.hash = hash), route);
      await expect(page.locator(`nav a[href="${route}"]`)).toHaveAttribute('aria-current', 'page');
      await expect(page.locator('main h1')).toBeVisible();
      expect(await violations(page), route).toEqual([]);
    }
  };
  // With nothing yet, each says what to do; then with a run.
  await look();
  const fields = { 'Step limit': '8', 'Validate every': '4' };
  await startRun(running, { name: 'Short', model: makeTinyModel(dataDir), data: makeRows(dataDir), fields });
  await expect(statusOf(page)).toHaveText('Done', { timeout: 60_000 });
  const run = new URL(page.url()).hash;
  await call(page, 'settings.set', { theme: 'dark' });
  await page.reload();
  await expect(statusOf(page)).toHaveText('Done');
  for (const tab of ['Log', 'Settings']) {
    await page.getByRole('tab', { name: tab }).click();
    expect(await violations(page), `${run} ${tab}`).toEqual([]);
  }
  await look();
  await close();
});
