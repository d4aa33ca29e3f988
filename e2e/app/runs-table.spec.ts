import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@playwright/test';
import { makeRows, makeTinyModel, openScreen, startRun, statusOf, violations } from './flow.ts';
import { launch } from './launch.ts';
import { test } from './test.ts';

test('runs are found, put in order, starred, tagged, compared and deleted', async () => {
  const running = await launch();
  const { page, dataDir, close } = running;
  const model = makeTinyModel(dataDir);
  const data = makeRows(dataDir, 60);
  for (const [name, rank] of [
    ['Alpha', '2'],
    ['Beta', '4'],
    ['Gamma', '8'],
  ] as const) {
    const fields = { 'Step limit': '8', 'Validate every': '4', Rank: rank, Alpha: '8' };
    await startRun(running, { name, model, data, fields });
    await expect(statusOf(page)).toHaveText('Done', { timeout: 60_000 });
  }
  await openScreen(page, 'Runs');
  const names = page.getByRole('table', { name: 'Runs' }).getByRole('row').getByRole('link');
  const search = page.getByRole('searchbox', { name: 'Search runs' });
  await expect(names).toHaveText(['Gamma', 'Beta', 'Alpha']);
  await page.getByRole('button', { name: 'Name', exact: true }).click();
  await expect(names).toHaveText(['Alpha', 'Beta', 'Gamma']);
  await page.getByRole('button', { name: 'Name', exact: true }).click();
  await expect(names).toHaveText(['Gamma', 'Beta', 'Alpha']);
  await expect(page.getByRole('columnheader', { name: 'Name' })).toHaveAttribute('aria-sort', 'descending');

  const more = page.getByRole('button', { name: 'More actions for “Beta”' });
  await more.click();
  expect(await violations(page)).toEqual([]);
  await page.getByRole('menuitem', { name: 'Name, tags and notes…' }).click();
  const form = page.getByRole('dialog', { name: 'Name, tags and notes' });
  await expect(form.getByRole('textbox', { name: 'Name' })).toBeFocused();
  expect(await violations(page)).toEqual([]);
  await form.getByRole('textbox', { name: 'Tags' }).fill('kitchen, rye');
  await form.getByRole('textbox', { name: 'Notes' }).fill('The one for the market.');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(form).toHaveCount(0);
  await expect(more).toBeFocused();
  for (const words of ['beta', 'RYE', 'market']) {
    await search.fill(words);
    await expect(names).toHaveText(['Beta']);
  }
  await search.fill('nothing like it');
  await page.getByRole('button', { name: 'Show all runs' }).click();
  await page.getByRole('button', { name: 'Star “Alpha”' }).click();
  await page.getByRole('checkbox', { name: 'Starred only' }).check();
  await expect(names).toHaveText(['Alpha']);
  await page.getByRole('checkbox', { name: 'Starred only' }).uncheck();

  await expect(page.getByRole('button', { name: 'Compare', exact: true })).toBeDisabled();
  for (const name of ['Alpha', 'Beta', 'Gamma']) {
    await page.getByRole('checkbox', { name: `Select “${name}” to compare` }).check();
  }
  await page.getByRole('button', { name: 'Compare 3 runs' }).click();
  await expect(
    page.getByRole('img', { name: /^Training loss: .*Gamma [\d.]+.*Beta [\d.]+.*Alpha [\d.]+/ }),
  ).toBeVisible();
  await expect(page.getByRole('img', { name: /^Validation loss: / })).toBeVisible();
  const scores = page.getByRole('table', { name: 'Final scores' });
  await expect(scores.getByRole('row', { name: /^Training loss [\d.]+/ })).toBeVisible();
  const settings = page.getByRole('table', { name: 'Settings' });
  await expect(settings.getByRole('row', { name: /^Rank differs/ })).toContainText(/2\s*4\s*8|8\s*4\s*2/);
  expect(await violations(page)).toEqual([]);
  await page.getByRole('checkbox', { name: 'Only what differs' }).check();
  await expect(settings.getByRole('row', { name: /^Seed/ })).toHaveCount(0);
  await expect(settings.getByRole('row', { name: /^Rank differs/ })).toBeVisible();

  await openScreen(page, 'Runs');
  const folder = join(dataDir, 'runs', 'gamma');
  expect(existsSync(folder)).toBe(true);
  const moreGamma = page.getByRole('button', { name: 'More actions for “Gamma”' });
  await moreGamma.click();
  await page.getByRole('menuitem', { name: 'Delete…' }).click();
  const question = page.getByRole('dialog', { name: 'Delete “Gamma”?' });
  expect(await violations(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await expect(question).toHaveCount(0);
  await expect(moreGamma).toBeFocused();
  expect(existsSync(folder)).toBe(true);
  await moreGamma.click();
  await page.getByRole('menuitem', { name: 'Delete…' }).click();
  await expect(question.getByRole('checkbox', { name: /delete its folder/i })).toBeChecked();
  await question.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(page.getByText('“Gamma” was deleted')).toBeVisible();
  await expect(names).toHaveText(['Beta', 'Alpha']);
  expect(existsSync(folder)).toBe(false);
  await close();
});
