import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@playwright/test';
import { sampleModelPath } from '../../main/models/index.ts';
import { chooseFiles, fillSettings, openScreen, part, shownStep, statusOf } from './flow.ts';
import { answerSaveDialog, launch } from './launch.ts';
import { HELD_OUT_ROWS } from './sample.ts';
import { test } from './test.ts';

test('from the first launch to a merged file that is checked, by clicking', async () => {
  const running = await launch();
  const { app, page, dataDir, close } = running;
  const data = join(dataDir, 'orders.jsonl');
  writeFileSync(data, readFileSync(HELD_OUT_ROWS, 'utf8').split('\n').slice(0, 20).join('\n'));
  await expect(page.getByRole('heading', { level: 1, name: 'Welcome to Forja' })).toBeVisible();
  const note = page.getByRole('region', { name: 'Nothing leaves this computer' });
  await note.getByRole('button', { name: 'Understood' }).click();
  await expect(note).toHaveCount(0);
  // ggml's threads wait for each other by spinning: on cores that others use too, one is faster.
  await openScreen(page, 'Settings');
  await page.getByRole('spinbutton', { name: 'Threads' }).fill('1');
  await openScreen(page, 'Start');
  await page.getByRole('link', { name: /^New fine-tune Pick a GGUF model/ }).click();

  const start = page.getByRole('button', { name: 'Start training' });
  await expect(start).toBeDisabled();
  await chooseFiles(running, sampleModelPath(), data);
  await expect(part(page, 'Base model')).toContainText('SmolLM2');
  await page.getByRole('radio', { name: 'Tiny', exact: true }).click();
  await page.getByRole('radio', { name: 'Quick try', exact: true }).click();
  await expect(page.getByRole('spinbutton', { name: 'Step limit', exact: true })).toHaveValue('60');
  // Few steps on short rows are enough here, with a rate that shows.
  await fillSettings(page, { 'Step limit': '6', 'Longest row': '96', 'Learning rate': '0.005', Accumulation: '1' });
  const estimate = page.getByRole('region', { name: 'Estimate' });
  await expect(estimate).toContainText(/[\d.]+ MB\s+(of [\d.]+ GB )?on /);
  await expect(estimate).toContainText(/6 steps/);
  await expect(estimate.getByRole('table')).toContainText('QLoRA');
  await start.click();

  await expect(page).toHaveURL(/#\/runs\//);
  await expect.poll(() => shownStep(page), { timeout: 90_000 }).toBeGreaterThan(0);
  await expect(page.getByRole('img', { name: /^Loss up to step/ })).toBeVisible();
  await expect(statusOf(page)).toHaveText('Done', { timeout: 90_000 });
  expect(await shownStep(page)).toBe(6);
  await expect(page.getByRole('region', { name: 'Final scores' })).toContainText('Perplexity');

  await page.getByRole('link', { name: 'Export', exact: true }).last().click();
  await page.getByRole('combobox', { name: 'Type of the weights' }).click();
  await page.getByRole('option', { name: /^Q8_0/ }).click();
  const output = join(dataDir, 'merged.gguf');
  await answerSaveDialog(app, output);
  await page.getByRole('button', { name: 'Export…' }).click();
  const check = page.getByRole('table', { name: 'The check' });
  await expect(check).toBeVisible({ timeout: 120_000 });
  await expect(check.getByRole('row')).toHaveCount(4);
  await expect(page.getByText('Kept', { exact: true }).first()).toBeVisible();
  expect(readFileSync(output).subarray(0, 4).toString('latin1')).toBe('GGUF');
  expect(statSync(output).size).toBeGreaterThan(1e8);
  await expect(page.getByRole('table', { name: 'List of exports' })).toContainText('merged.gguf');
  await close();
});
