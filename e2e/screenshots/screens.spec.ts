import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, type Page } from '@playwright/test';
import { answerMessageBox, answerOpenDialog, answerSaveDialog, launch, type RunningApp } from '../app/launch.ts';
import { call, HELD_OUT_ROWS, tinyModel, TRAIN_ROWS, trainSample, waitForStatus, waitForSteps } from '../app/sample.ts';
import { SHOTS, take, type Texts } from './camera.ts';

test.describe.configure({ mode: 'serial' });

const LONG = { max_steps: 100_000 };
const FEW = { val_share: 0.003 };
const PROMPT = 'Two loaves of rye for Ana, Friday at nine, please.';
const dataDir = mkdtempSync(join(tmpdir(), 'forja-'));
let running: RunningApp;
let sample: { model_path: string; data_path: string; val_path: string };
let first = '';
let second = '';
let long = '';
let failed = '';
let tiny = '';

/** The address of a new fine-tune with files chosen. */
const newRun = (files: Record<string, string>) => `/new?${new URLSearchParams(files).toString()}`;

async function reset(page: Page, t: Texts): Promise<void> {
  const button = page.getByRole('button', { name: t.newRun.settings.reset });
  if (await button.isVisible()) await button.click();
}

/** Waits until the dataset was read and the estimate is of these settings. */
async function untilRead(page: Page): Promise<void> {
  await page.getByRole('tablist').waitFor();
  await expect(page.locator('section[aria-busy=true]')).toHaveCount(0);
  await expect(page.locator('main [aria-busy=true]')).toHaveCount(0);
}

/** Opens a file in the app's own dialog, so that the app may read it. */
async function grant(path: string, channel: 'dialogs.openModel' | 'dialogs.openDataset'): Promise<void> {
  await answerOpenDialog(running.app, path);
  if (channel === 'dialogs.openModel') await call(running.page, channel, { purpose: 'base' });
  else await call(running.page, channel, { purpose: 'train' });
}

async function start(): Promise<void> {
  running = await launch({ dataDir });
  await answerMessageBox(running.app, 0);
}

test.beforeAll(() => {
  rmSync(SHOTS, { recursive: true, force: true });
  mkdirSync(SHOTS, { recursive: true });
});
test.afterAll(async () => {
  await running.close();
  rmSync(dataDir, { recursive: true, force: true });
});

test('nothing is there yet', async () => {
  await start();
  await take(running, [
    { name: '01-start-first', route: '/' },
    { name: '02-new-empty', route: '/new' },
    { name: '04-runs-empty', route: '/runs' },
    { name: '06-queue-empty', route: '/queue' },
    { name: '07-playground-empty', route: '/playground' },
    { name: '08-export-empty', route: '/export' },
  ]);
});

test('a fine-tune is put together', async () => {
  const { page } = running;
  await call(page, 'settings.set', { first_run_note_seen: true });
  await page.reload();
  sample = (await call(page, 'models.fetchSample'))!;
  const noModel = join(dataDir, 'holiday-photos.gguf');
  writeFileSync(noModel, 'GGUF, but not really');
  await grant(noModel, 'dialogs.openModel');
  const broken = join(dataDir, 'recipes.jsonl');
  const good = Array.from({ length: 60 }, (_, index) => ({
    instruction: `How do I bake bread number ${index + 1}?`,
    input: '',
    output: `Mix ${300 + index} g of flour with water and salt. ${'Knead, and let it rest. '.repeat(index % 23)}Bake.`,
  }));
  const lines = good.map((row) => JSON.stringify(row));
  lines.splice(7, 0, '{"instruction":"Rye', '{"instruction":"Toast?","output":""}', '[1, 2]', '{"output":"Flour."}');
  writeFileSync(broken, lines.join('\n'));
  await grant(broken, 'dialogs.openDataset');
  const novels = join(dataDir, 'short-novels.jsonl');
  const chapter = 'The baker rose before the sun and lit the oven, as every day. '.repeat(600);
  writeFileSync(
    novels,
    Array.from({ length: 40 }, (_, index) => JSON.stringify({ text: `${index} ${chapter}` })).join('\n'),
  );
  await grant(novels, 'dialogs.openDataset');
  const files = { model: sample.model_path, data: TRAIN_ROWS, val: HELD_OUT_ROWS, name: 'Bakery orders' };
  const mixed = { model: sample.model_path, data: broken, name: '' };
  const fill = async (label: string, value: string) => {
    await page.getByRole('spinbutton', { name: label, exact: true }).fill(value);
    await page.keyboard.press('Tab');
  };

  await take(running, [
    {
      name: '02-new-refused-model',
      route: newRun({ model: noModel }),
      prepare: async (one) => one.locator('main [role=alert]').first().waitFor(),
    },
    { name: '02-new-model', route: newRun({ model: sample.model_path }), prepare: (one) => untilModel(one) },
    { name: '02-new-rows', route: newRun(files), prepare: untilRead },
    {
      name: '02-new-cut',
      route: newRun(mixed),
      prepare: async (one, t) => {
        await untilRead(one);
        await fill(t.settingTexts.texts.max_seq_len.label, '64');
        await expect(one.locator('main s').nth(1)).toBeVisible();
        await untilRead(one);
        await one.locator('main s').nth(1).scrollIntoViewIfNeeded();
      },
    },
    {
      name: '02-new-lengths',
      route: newRun(mixed),
      prepare: async (one, t) => {
        await untilRead(one);
        await one.getByRole('tab', { name: t.newRun.dataset.lengthsTab }).click();
        await one.getByRole('tabpanel').last().scrollIntoViewIfNeeded();
      },
    },
    {
      name: '02-new-audit',
      route: newRun(mixed),
      leave: reset,
      prepare: async (one, t) => {
        await untilRead(one);
        await one.getByRole('tab', { name: t.newRun.dataset.auditTab }).click();
        await one.getByRole('tabpanel').last().scrollIntoViewIfNeeded();
      },
    },
    {
      name: '02-new-advanced',
      route: newRun(files),
      prepare: async (one, t) => {
        await untilRead(one);
        const advanced = one.getByText(t.newRun.settings.advanced, { exact: true });
        await advanced.click();
        await advanced.evaluate((element) => element.scrollIntoView());
      },
    },
    {
      name: '02-new-warnings',
      route: newRun(files),
      leave: reset,
      prepare: async (one, t) => {
        await untilRead(one);
        await fill(t.settingTexts.texts.learning_rate.label, '0.00001');
        await fill(t.settingTexts.texts.lora_alpha.label, '500');
        await untilRead(one);
        await one.getByRole('spinbutton', { name: t.settingTexts.texts.lora_alpha.label }).scrollIntoViewIfNeeded();
      },
    },
  ]);
});

const untilModel = async (page: Page) => {
  await page.locator('main dl').first().waitFor();
  await page.locator('main table').first().waitFor();
};

test('a run trains, others wait', async () => {
  const { page } = running;
  tiny = await tinyModel(running);
  const prompts = [PROMPT, 'Six ginger cookies for Leo tomorrow.'];
  const measured = { eval_steps: 6, checkpoint_steps: 8, micro_batch_size: 2 };
  first = await trainSample(page, 'Bakery orders', { ...measured, max_steps: 36, lora_rank: 16 }, FEW, prompts);
  second = await trainSample(page, 'Bakery orders, small rank', { ...measured, max_steps: 30, lora_rank: 2 }, FEW);
  const gone = join(dataDir, 'support-tickets.jsonl');
  writeFileSync(gone, '{"instruction":"a","output":"b"}\n');
  await grant(gone, 'dialogs.openDataset');
  failed = await trainSample(page, 'Support tickets', LONG, { model_path: tiny, data_path: gone });
  rmSync(gone);
  await waitForStatus(page, first, 'completed');
  await waitForStatus(page, second, 'completed');
  await expect.poll(async () => (await call(page, 'runs.get', { run_id: failed })).status).toBe('failed');
  long = await trainSample(
    page,
    'Bakery orders, all night',
    { ...measured, max_steps: 600, lora_rank: 8 },
    FEW,
    prompts,
  );
  for (const name of ['Recipes in Spanish', 'Recipes in Spanish, higher rate', 'Poems']) {
    await trainSample(page, name, LONG, { model_path: tiny });
  }
  await call(page, 'runs.update', { run_id: first, starred: true, tags: ['bakery', 'best so far'], notes: 'Rank 16.' });
  await call(page, 'runs.update', { run_id: second, tags: ['bakery'] });
  await waitForSteps(page, long, 14);
  await take(running, [
    { name: '01-start-runs', route: '/' },
    { name: '03-run-running', route: `/runs/${long}` },
    {
      name: '03-run-stop-dialog',
      route: `/runs/${long}`,
      prepare: async (one, t) => {
        await one.getByRole('button', { name: t.runPage.stop, exact: true }).click();
        await one.getByRole('dialog').waitFor();
      },
      leave: async (one) => one.keyboard.press('Escape'),
    },
    {
      name: '03-run-toast',
      route: `/runs/${long}`,
      prepare: async (one, t) => {
        await one.getByRole('button', { name: t.runPage.checkpoint }).click();
        await one.getByText(t.runPage.checkpointAsked).last().waitFor();
      },
      leave: async (one, t) => {
        const closing = one.getByRole('region', { name: t.common.notifications }).getByRole('button');
        while ((await closing.count()) > 0) await closing.first().click();
      },
    },
    { name: '04-runs', route: '/runs' },
    { name: '06-queue', route: '/queue' },
  ]);
});

test('a run is paused, then stopped', async () => {
  const { page } = running;
  await call(page, 'runs.pause', { run_id: long });
  await expect.poll(async () => (await call(page, 'runs.get', { run_id: long })).is_paused).toBe(true);
  await take(running, [{ name: '03-run-paused', route: `/runs/${long}` }]);
  for (const run_id of (await call(page, 'queue.list')).waiting_run_ids) await call(page, 'queue.remove', { run_id });
  await call(page, 'runs.stop', { run_id: long });
  await waitForStatus(page, long, 'stopped');
  const tab = (name: (t: Texts) => string) => async (one: Page, t: Texts) => {
    await one.getByRole('tab', { name: name(t) }).click();
    await one.getByRole('tabpanel').last().scrollIntoViewIfNeeded();
    await one.locator('main').evaluate((main) => main.scrollTo(0, main.scrollHeight));
  };
  await take(running, [
    { name: '03-run-stopped', route: `/runs/${long}` },
    { name: '03-run-done', route: `/runs/${first}` },
    { name: '03-run-failed', route: `/runs/${failed}` },
    {
      name: '03-run-answers',
      route: `/runs/${first}`,
      prepare: async (one, t) => {
        await one.getByRole('region', { name: t.runPage.samples, exact: true }).scrollIntoViewIfNeeded();
      },
    },
    { name: '03-run-log', route: `/runs/${first}`, prepare: tab((t) => t.runPage.log) },
    { name: '03-run-settings', route: `/runs/${first}`, prepare: tab((t) => t.runPage.facts) },
  ]);
});

test('runs are looked after and compared', async () => {
  const menu = async (one: Page, t: Texts, item: string) => {
    await one.getByRole('button', { name: t.runsPage.more('Bakery orders'), exact: true }).click();
    await one.getByRole('menuitem', { name: item }).click();
    await one.getByRole('dialog').waitFor();
  };
  const escape = async (one: Page) => one.keyboard.press('Escape');
  await take(running, [
    {
      name: '04-runs-chosen',
      route: '/runs',
      prepare: async (one, t) => {
        await one.getByRole('checkbox', { name: t.runsPage.selectRun('Bakery orders'), exact: true }).check();
        await one.getByRole('checkbox', { name: t.runsPage.selectRun('Bakery orders, small rank') }).check();
      },
    },
    {
      name: '04-runs-nothing-found',
      route: '/runs',
      prepare: async (one) => one.getByRole('searchbox').fill('croissant'),
    },
    {
      name: '04-runs-menu',
      route: '/runs',
      prepare: async (one, t) => {
        await one.getByRole('button', { name: t.runsPage.more('Bakery orders'), exact: true }).click();
        await one.getByRole('menuitem').first().waitFor();
      },
      leave: escape,
    },
    { name: '04-runs-edit', route: '/runs', prepare: (one, t) => menu(one, t, t.runsPage.edit), leave: escape },
    { name: '04-runs-delete', route: '/runs', prepare: (one, t) => menu(one, t, t.runsPage.delete), leave: escape },
    { name: '05-compare', route: `/runs/compare?ids=${first},${second},${long}` },
    {
      name: '05-compare-tables',
      route: `/runs/compare?ids=${first},${second},${long}`,
      prepare: async (one) => {
        await one.locator('main table').first().scrollIntoViewIfNeeded();
        await one.locator('main').evaluate((main) => main.scrollTo(0, main.scrollHeight));
      },
    },
  ]);
});

test('a model is tried and taken out', async () => {
  const { app, page } = running;
  await call(page, 'settings.set', { threads: 1 });
  await answerSaveDialog(app, join(dataDir, 'bakery-orders.gguf'));
  const play = { name: '07-playground-asked', route: `/playground?run=${first}` };
  await take(running, [
    {
      name: '07-playground',
      route: `/playground?run=${first}`,
      prepare: async (one, t) => {
        const clear = one.getByRole('button', { name: t.playground.clear });
        if (await clear.isEnabled()) await clear.click();
        await one.getByRole('region', { name: t.playground.rowsTitle }).waitFor();
      },
    },
    {
      ...play,
      prepare: async (one, t) => {
        const clear = one.getByRole('button', { name: t.playground.clear });
        if (await clear.isEnabled()) await clear.click();
        await one.getByLabel(t.playground.max_tokens).fill('48');
        await one.getByRole('region', { name: t.playground.rowsTitle }).getByRole('button').nth(1).click();
        await one.getByRole('textbox', { name: t.playground.prompt, exact: true }).focus();
        await one.keyboard.press('Enter');
        for (const voice of ['base', 'tuned']) {
          await expect(one.locator(`[data-voice="${voice}"]`)).toHaveAttribute('data-state', 'done', {
            timeout: 120_000,
          });
        }
      },
    },
    {
      name: '08-export-types',
      route: `/export?run=${first}`,
      prepare: async (one, t) => {
        await one
          .getByRole('combobox', { name: t.exportPage.type })
          .or(one.getByLabel(t.exportPage.type))
          .first()
          .click();
        await one.getByRole('option').first().waitFor();
      },
      leave: async (one) => one.keyboard.press('Escape'),
    },
    {
      name: '08-export-progress',
      route: `/export?run=${first}`,
      isFleeting: true,
      prepare: async (one, t) => {
        await one.getByRole('button', { name: t.exportPage.start }).click();
        await one.locator('main [role=progressbar]').waitFor();
      },
      leave: async (one, t) => {
        await one.getByRole('table', { name: t.exportPage.result }).waitFor({ timeout: 120_000 });
      },
    },
    { name: '08-export-checked', route: `/export?run=${first}` },
    {
      name: '08-export-list',
      route: `/export?run=${first}`,
      prepare: async (one, t) => {
        await one.getByRole('table', { name: t.exportPage.list }).waitFor();
        await one.locator('main').evaluate((main) => main.scrollTo(0, main.scrollHeight));
      },
    },
    { name: '09-settings', route: '/settings' },
    {
      name: '09-settings-doctor',
      route: '/settings',
      prepare: async (one, t) => {
        await one.getByRole('button', { name: t.settingsPage.copyReport }).waitFor();
        await one.locator('main').evaluate((main) => main.scrollTo(0, main.scrollHeight));
      },
    },
  ]);
});

test('a run was cut off by a power cut', async () => {
  const { page } = running;
  const id = await trainSample(page, 'Poems, cut off', { ...LONG, checkpoint_steps: 5 }, { model_path: tiny });
  await waitForSteps(page, id, 20);
  await running.kill();
  await start();
  await take(running, [
    { name: '01-start-interrupted', route: '/' },
    { name: '03-run-interrupted', route: `/runs/${id}` },
  ]);
});
