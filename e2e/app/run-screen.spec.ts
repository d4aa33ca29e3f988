import { expect } from '@playwright/test';
import { makeRows, makeTinyModel, shownStep, startRun, statusOf, violations, waitForShownStep } from './flow.ts';
import { launch } from './launch.ts';
import { test } from './test.ts';

test('a run is paused, gone on with, told to write a checkpoint and stopped by its buttons, and survives a reload', async () => {
  const running = await launch();
  const { page, dataDir, close } = running;
  await startRun(running, {
    name: 'By its buttons',
    model: makeTinyModel(dataDir),
    data: makeRows(dataDir, 200),
    fields: { 'Step limit': '100000', Epochs: '1000', 'Validate every': '50', 'Checkpoint every': '0' },
    prompts: ['Add 1 and 2.'],
  });
  await expect(statusOf(page)).toHaveText('Training', { timeout: 60_000 });
  await waitForShownStep(page, 60);
  expect(await violations(page)).toEqual([]);

  // The base answers the prompt, and the model at each validation.
  const answer = page.getByRole('region', { name: 'Answers' }).getByRole('listitem').first();
  await expect(answer).toContainText('Add 1 and 2.', { timeout: 60_000 });
  await expect(answer).toContainText(/Tuned, step \d+/, { timeout: 60_000 });

  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(statusOf(page)).toHaveText('Paused');
  const paused = await shownStep(page);
  await page.reload();
  await expect(page.getByRole('heading', { level: 1, name: 'By its buttons' })).toBeVisible();
  await expect(statusOf(page)).toHaveText('Paused');
  expect(await shownStep(page)).toBe(paused);
  await expect(page.getByRole('img', { name: /^Loss up to step/ })).toBeVisible();
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(statusOf(page)).toHaveText('Training');
  await waitForShownStep(page, paused + 1);

  // In the middle of it the window is loaded again: the curves go on from where they were.
  await page.reload();
  await waitForShownStep(page, paused + 2);
  await expect(page.getByRole('img', { name: /^Loss up to step/ })).toBeVisible();

  await page.getByRole('button', { name: 'Checkpoint now' }).click();
  const checkpoints = page.getByRole('table', { name: 'Checkpoints' });
  await expect(checkpoints.getByRole('row').nth(1)).toContainText(/[\d,]+/);
  await expect(page.getByRole('region', { name: 'Log' }).getByRole('listitem').first()).toBeVisible();

  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  const question = page.getByRole('dialog', { name: 'Stop this run?' });
  await expect(question).toBeVisible();
  expect(await violations(page)).toEqual([]);
  await question.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('button', { name: 'Stop', exact: true })).toBeFocused();
  await expect(statusOf(page)).toHaveText('Training');
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await question.getByRole('button', { name: 'Stop the run' }).click();
  await expect(statusOf(page)).toHaveText('Stopped');
  const stopped = await shownStep(page);
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(statusOf(page)).toHaveText('Training');
  await waitForShownStep(page, stopped + 1);
  await close();
});
