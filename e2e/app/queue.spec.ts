import { copyFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@playwright/test';
import { makeRows, makeTinyModel, openScreen, startRun, violations } from './flow.ts';
import { launch } from './launch.ts';
import { test } from './test.ts';

test('runs wait in a queue that is put in order by buttons and keys; one that fails does not stop the next', async () => {
  const running = await launch();
  const { page, dataDir, close } = running;
  const model = makeTinyModel(dataDir);
  const spoilt = join(dataDir, 'spoilt.gguf');
  copyFileSync(model, spoilt);
  const data = makeRows(dataDir, 200);
  const long = { 'Step limit': '100000', Epochs: '1000' };
  const short = { 'Step limit': '3' };
  await startRun(running, { name: 'First', model, data, fields: long });
  for (const name of ['Second', 'Third', 'Fourth']) {
    await startRun(running, { name, model: name === 'Third' ? spoilt : model, data, fields: short });
    await expect(page.getByText('This run is queued')).toBeVisible();
  }
  // What was whole when it was put into the queue is not when its turn comes.
  truncateSync(spoilt, 4000);

  await openScreen(page, 'Queue');
  const names = page.getByRole('region', { name: 'Waiting' }).getByRole('listitem').getByRole('link');
  await expect(names).toHaveText(['Second', 'Third', 'Fourth']);
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'Move Third up' }).click();
  await expect(names).toHaveText(['Third', 'Second', 'Fourth']);
  // The focus goes with the run; at the top only the button down is left.
  await expect(page.getByRole('button', { name: 'Move Third down' })).toBeFocused();
  await page.getByRole('button', { name: 'Move Fourth up' }).focus();
  await page.keyboard.press('Enter');
  await expect(names).toHaveText(['Third', 'Fourth', 'Second']);
  await expect(page.getByRole('button', { name: 'Move Fourth up' })).toBeFocused();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('button', { name: 'Remove Fourth from the queue' })).toBeFocused();

  await page.getByRole('link', { name: 'Open the run' }).click();
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await page.getByRole('button', { name: 'Stop the run' }).click();
  await openScreen(page, 'Runs');
  const row = (name: string) => page.getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) });
  await expect(row('First')).toContainText('Stopped');
  await expect(row('Third')).toContainText('Failed');
  await expect(row('Fourth')).toContainText('Done', { timeout: 60_000 });
  await expect(row('Second')).toContainText('Done', { timeout: 60_000 });
  await page.getByRole('link', { name: 'Third', exact: true }).click();
  await expect(page.getByRole('alert')).toContainText('The run failed');
  await expect(page.getByRole('alert')).toContainText(/truncated|shorter|ends/i);
  await close();
});
