import { expect } from '@playwright/test';
import { launch } from './launch.ts';
import { test } from './test.ts';

test('opens on the start screen, in a sandboxed page with nothing of Node, and refuses what it does not know', async () => {
  const started = Date.now();
  const { page, close } = await launch();
  test.info().annotations.push({ type: 'opened', description: `${Date.now() - started} ms` });
  expect(page.url()).toMatch(/^forja:\/\/app\/index\.html/);
  await expect(page.locator('main h1')).toBeVisible();
  expect(await page.evaluate(() => [typeof (globalThis as { require?: unknown }).require, typeof process])).toEqual([
    'undefined',
    'undefined',
  ]);
  const refused = await page.evaluate(() => window.forja.invoke('models.inspect', { path: '/etc/passwd' }));
  expect(refused).toMatchObject({ ok: false, error: { code: 'path_not_allowed' } });
  const invalid = await page.evaluate(() => window.forja.invoke('runs.get', { run_id: '../x' }));
  expect(invalid).toMatchObject({ ok: false, error: { code: 'request_invalid' } });
  expect(await page.evaluate(() => window.open('https://example.com') === null)).toBe(true);
  await close();
});
