import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@playwright/test';
import { violations } from './flow.ts';
import { answerMessageBox, answerSaveDialog, launch } from './launch.ts';
import { call, trainSample, waitForStatus } from './sample.ts';
import { test } from './test.ts';

test('a run is tried beside its base, then exported, checked and listed', async () => {
  const running = await launch({ size: { width: 1000, height: 700 } });
  const { app, page, dataDir, close } = running;
  await answerMessageBox(app, 0);
  const settings = { max_steps: 10, learning_rate: 0.002, max_seq_len: 128 };
  const run_id = await trainSample(page, 'Bakery orders', settings, { val_share: 0.003 });
  await waitForStatus(page, run_id, 'completed');

  await page.evaluate((id) => (window.location.hash = `#/playground?run=${id}`), run_id);
  await page.getByLabel('Longest answer (tokens)').fill('16');
  // What the rows ask is offered, under the system prompt that they were learned with.
  await expect(page.getByRole('textbox', { name: 'System prompt' })).toHaveValue('Write the order as JSON.');
  await page.getByRole('region', { name: 'Prompts from your rows' }).getByRole('button').first().click();
  await expect(page.getByRole('textbox', { name: 'Prompt', exact: true })).not.toHaveValue('');
  await page.getByRole('textbox', { name: 'Prompt', exact: true }).focus();
  await page.keyboard.press('Enter');
  const base = page.locator('[data-voice="base"]');
  const tuned = page.locator('[data-voice="tuned"]');
  await expect(base).toHaveAttribute('data-state', 'done', { timeout: 90_000 });
  await expect(tuned).toHaveAttribute('data-state', 'done', { timeout: 90_000 });
  expect(await base.locator('.text').textContent()).not.toBe(await tuned.locator('.text').textContent());
  await expect(base.locator('.weights')).not.toContainText('Bakery orders');
  await expect(tuned.locator('.weights')).toContainText('Bakery orders');
  expect(await violations(page)).toEqual([]);

  const output = join(dataDir, 'merged.gguf');
  await answerSaveDialog(app, output);
  await page.evaluate((id) => (window.location.hash = `#/export?run=${id}`), run_id);
  await page.getByRole('radio', { name: 'Ollama', exact: true }).click();
  // One that is cancelled leaves nothing.
  await page.getByRole('button', { name: 'Export…' }).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('button', { name: 'Cancel' })).toBeHidden();
  expect(readdirSync(dataDir).filter((name) => name.startsWith('merged'))).toEqual([]);
  await page.getByRole('button', { name: 'Export…' }).click();
  // The file can be used before its check has ended.
  const use = page.getByRole('region', { name: 'Use it in …' });
  await expect(page.getByRole('button', { name: 'Skip the check' })).toBeVisible({ timeout: 300_000 });
  expect(existsSync(output)).toBe(true);
  await expect(page.getByRole('table', { name: 'Types that were tried' })).toContainText('taken');
  await expect(use.getByText(/^ollama create merged -f /)).toBeVisible();
  expect(readFileSync(join(dataDir, 'merged.Modelfile'), 'utf8')).toContain('SYSTEM """Write the order as JSON."""');
  await use.getByRole('tab', { name: 'llama.cpp' }).click();
  await expect(use.getByText(/^llama-cli -m .*merged\.gguf --jinja .*-sys 'Write the order as JSON\.'$/)).toBeVisible();
  await use.getByRole('tab', { name: 'LM Studio' }).click();
  await expect(use.getByText('Write the order as JSON.', { exact: true })).toBeVisible();
  expect(await violations(page)).toEqual([]);

  // A check may be skipped: what was written stays.
  await page.getByRole('button', { name: 'Skip the check' }).click();
  await expect(page.getByText('It was not checked', { exact: false })).toBeVisible();
  expect(existsSync(output)).toBe(true);

  // A type that is named is written at once. At Q8_0 its answers are those of the playground, under the prompt that Ollama makes: a type of
  // four bits keeps the loss, and still tips greedy answers of a model that has seen ten steps.
  await page.getByRole('combobox', { name: 'Type of the weights' }).click();
  await page.getByRole('option', { name: /^Q8_0/ }).click();
  await page.getByRole('button', { name: 'Export…' }).click();
  await expect(page.getByRole('table', { name: 'The check' })).toBeVisible({ timeout: 240_000 });
  await expect(page.getByText(/^[45] of 5 answers are the same as in the playground/)).toBeVisible();
  await expect(page.getByRole('table', { name: 'List of exports' })).toContainText('merged.gguf');
  expect(await violations(page)).toEqual([]);
  const exports = await call(page, 'exports.list', { run_id });
  expect(exports.map(({ verdict }) => verdict !== null)).toEqual([true, false]);
  await close();
});
