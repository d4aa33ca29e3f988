import { join } from 'node:path';
import { expect, type Locator, type Page } from '@playwright/test';
import { violations } from './flow.ts';
import { answerOpenDialog, launch, type RunningApp } from './launch.ts';
import { call, tinyModel, trainSample, waitForStatus } from './sample.ts';
import { test } from './test.ts';

/** The chat's own process. */
async function chatPid({ app }: RunningApp): Promise<number> {
  const find = () =>
    app.evaluate(
      ({ app: electron }) =>
        electron.getAppMetrics().find((one) => one.serviceName === 'forja-chat' || one.name === 'forja-chat')?.pid ?? 0,
    );
  await expect.poll(find).toBeGreaterThan(0);
  return await find();
}

async function ask(page: Page, prompt: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Prompt', exact: true }).fill(prompt);
  await page.keyboard.press('Enter');
}

const answers = (page: Page) => ({
  base: page.locator('[data-voice="base"]').last(),
  tuned: page.locator('[data-voice="tuned"]').last(),
});

async function expectDone(page: Page): Promise<void> {
  const { base, tuned } = answers(page);
  await expect(base).toHaveAttribute('data-state', 'done', { timeout: 60_000 });
  await expect(tuned).toHaveAttribute('data-state', 'done', { timeout: 60_000 });
}

async function choose(within: Locator, label: string, option: string): Promise<void> {
  await within.getByLabel(label, { exact: true }).click();
  await within.page().getByRole('option', { name: option, exact: true }).click();
}

/** Sets a strength as one does with the keyboard. */
async function setStrength(adapter: Locator, value: 0 | 2): Promise<void> {
  await adapter.getByRole('slider', { name: 'Strength' }).press(value === 0 ? 'Home' : 'End');
}

test('several adapters answer at once, each as strongly as its slider says; the prompt is always in reach', async () => {
  const running = await launch({ size: { width: 1000, height: 700 } });
  const { app, page, close } = running;
  await call(page, 'settings.set', { threads: 1 });
  const model_path = await tinyModel(running);
  const settings = { max_steps: 4, checkpoint_steps: 2, learning_rate: 0.01 };
  const first = await trainSample(page, 'First', settings, { model_path });
  const second = await trainSample(page, 'Second', { ...settings, seed: 7 }, { model_path });
  await waitForStatus(page, first, 'completed');
  const { out_dir } = await waitForStatus(page, second, 'completed');

  await page.evaluate((id) => (window.location.hash = `#/playground?run=${id}`), first);
  await page.getByLabel('Longest answer (tokens)').fill('24');
  const one = page.getByRole('group', { name: 'Adapter 1' });
  await choose(one, 'Checkpoint', 'Step 2');
  await page.getByRole('button', { name: 'Add a run' }).click();
  const two = page.getByRole('group', { name: 'Adapter 2' });
  await expect(two).toContainText('Second');
  await setStrength(two, 2);
  await answerOpenDialog(app, join(out_dir, 'adapter.gguf'));
  await page.getByRole('button', { name: 'Add an adapter file…' }).click();
  const three = page.getByRole('group', { name: 'Adapter 3' });
  await expect(three).toContainText('adapter.gguf');
  await setStrength(three, 0);

  await ask(page, 'Two loaves of rye for Ana at nine.');
  await expectDone(page);
  const { base, tuned } = answers(page);
  await expect(base.getByRole('list', { name: 'Weights of this answer' }).getByRole('listitem')).toHaveCount(1);
  const used = tuned.getByRole('list', { name: 'Weights of this answer' }).getByRole('listitem');
  await expect(used).toHaveText([
    /./,
    '+ First (Step 2) × 1',
    '+ Second (Final) × 2',
    '+ adapter.gguf (Adapter file) × 0',
  ]);

  // With no strength at all the tuned model is the base: to the last character.
  for (const adapter of [one, two]) await setStrength(adapter, 0);
  await ask(page, 'Four rolls for Ben.');
  await expect(page.locator('[data-voice="tuned"]')).toHaveCount(2);
  await expectDone(page);
  expect(await answers(page).tuned.locator('.text').textContent()).toBe(
    await answers(page).base.locator('.text').textContent(),
  );

  await page.getByRole('button', { name: 'Remove adapter.gguf' }).click();
  await expect(three).toBeHidden();
  await page.getByText('Another model').click();
  await expect(page.getByText('adapter.gguf', { exact: true })).toBeVisible();
  await page.getByText('Base + adapters').click();

  expect(await violations(page)).toEqual([]);
  for (const [width, height] of [
    [1000, 700],
    [1600, 1000],
    [720, 520],
  ] as const) {
    await app.evaluate(
      ({ BrowserWindow }, size) => BrowserWindow.getAllWindows()[0]!.setContentSize(size.width, size.height),
      { width, height },
    );
    await expect.poll(() => page.evaluate(() => window.innerWidth)).toBe(width);
    await expect(page.getByRole('textbox', { name: 'Prompt', exact: true })).toBeInViewport({ ratio: 1 });
    await expect(page.getByRole('button', { name: 'Ask both' })).toBeInViewport({ ratio: 1 });
    expect(await page.evaluate(() => document.querySelector('main')!.scrollHeight)).toBeLessThanOrEqual(height);
  }
  // In a narrow window the choices are behind a button.
  await expect(page.getByLabel('Base model')).toBeHidden();
  await page.getByRole('button', { name: 'Weights and sampling' }).click();
  await expect(page.getByLabel('Base model')).toBeVisible();
  await close();
});

test('voices answer in turn, stop at once, and come back after their process was killed', async () => {
  const running = await launch();
  const { page, close } = running;
  await call(page, 'settings.set', { threads: 1 });
  const model_path = await tinyModel(running);
  const run = await trainSample(page, 'Short', { max_steps: 1 }, { model_path });
  await waitForStatus(page, run, 'completed');
  await page.evaluate((id) => (window.location.hash = `#/playground?run=${id}`), run);
  await page.getByLabel('Longest answer (tokens)').fill('24');
  await ask(page, 'One');
  await expectDone(page);

  // A process that stands still makes what comes between visible, however fast the model is.
  const pid = await chatPid(running);
  process.kill(pid, 'SIGSTOP');
  await ask(page, 'Two');
  const { base, tuned } = answers(page);
  await expect(base).toHaveAttribute('data-state', 'writing');
  await expect(tuned).toHaveAttribute('data-state', 'waiting');
  await expect(tuned).toContainText('Waiting: the base model answers first.');
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(tuned).toHaveAttribute('data-state', 'stopped');
  process.kill(pid, 'SIGCONT');
  await expect(base).toHaveAttribute('data-state', 'stopped');
  await expect(page.getByRole('button', { name: 'Stop' })).toBeHidden();

  process.kill(pid, 'SIGSTOP');
  await ask(page, 'Three');
  await expect(answers(page).base).toHaveAttribute('data-state', 'writing');
  process.kill(pid, 'SIGKILL');
  const notice = page.getByRole('alert').filter({ hasText: 'ended unexpectedly' });
  await expect(notice).toContainText('The chat process ended');
  await expect(answers(page).base).toHaveAttribute('data-state', 'failed');
  await expect(answers(page).tuned).toHaveAttribute('data-state', 'failed');
  // What was not answered is there to be asked again.
  await expect(page.getByRole('textbox', { name: 'Prompt', exact: true })).toHaveValue('Three');
  await page.getByRole('button', { name: 'Restart it' }).click();
  await expect(notice).toBeHidden();
  expect(await chatPid(running)).not.toBe(pid);
  await page.getByRole('button', { name: 'Ask both' }).click();
  await expectDone(page);
  await close();
});
