import { expect, type Locator, type Page } from '@playwright/test';
import { en } from '../../renderer/src/i18n/en/index.ts';
import { es } from '../../renderer/src/i18n/es/index.ts';
import { makeRows, makeTinyModel, violations } from './flow.ts';
import { answerOpenDialog, answerSaveDialog, launch } from './launch.ts';
import { test } from './test.ts';

/** More presses than any screen needs to be gone round once. */
const MOST_TABS = 150;

/** Presses Tab until the element has the focus, which must then be seen. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  await expect(target).toBeVisible();
  for (let presses = 0; presses < MOST_TABS; presses += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) break;
    await page.keyboard.press('Tab');
  }
  await expect(target).toBeFocused();
  const isSeen = await target.evaluate((element) => {
    const { outlineStyle, boxShadow } = getComputedStyle(element);
    return outlineStyle !== 'none' || boxShadow !== 'none';
  });
  expect(isSeen, `the focus on ${String(target)} is seen`).toBe(true);
}

async function press(page: Page, target: Locator, key = 'Enter'): Promise<void> {
  await tabTo(page, target);
  await page.keyboard.press(key);
}

/** English texts of some length whose Spanish is another. */
const ENGLISH = new Set<string>();
function gather(english: unknown, spanish: unknown): void {
  if (typeof english === 'string' && english !== spanish && english.length > 7) ENGLISH.add(english);
  if (typeof english !== 'object' || english === null) return;
  for (const [key, value] of Object.entries(english)) gather(value, (spanish as Record<string, unknown>)[key]);
}
gather(en, es);

/** The lines on the screen that are English. */
async function englishLines(page: Page): Promise<string[]> {
  const lines = (await page.locator('body').innerText()).split('\n');
  return lines.map((line) => line.trim()).filter((line) => ENGLISH.has(line));
}

test('the whole way with the keyboard alone, in Spanish', async () => {
  const running = await launch();
  const { app, page, dataDir, close } = running;
  const nav = page.getByRole('navigation');
  await press(page, nav.getByRole('link', { name: 'Settings' }));
  await tabTo(page, page.getByRole('radiogroup', { name: 'Language' }).getByRole('radio', { checked: true }));
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await expect(page.locator('html')).toHaveAttribute('lang', 'es');
  await expect(page.getByRole('heading', { level: 1, name: es.settingsPage.title })).toBeVisible();
  expect(await englishLines(page)).toEqual([]);

  // One thread: on cores that others use too, more wait for each other.
  await tabTo(page, page.getByRole('spinbutton', { name: es.settingsPage.threads }));
  await page.keyboard.press('ArrowUp');

  await press(page, nav.getByRole('link', { name: es.nav.start }));
  await press(page, page.getByRole('button', { name: es.start.privacyButton }));
  expect(await englishLines(page)).toEqual([]);
  await press(page, page.getByRole('main').getByRole('link', { name: es.start.newRun }));
  await expect(page.getByRole('heading', { level: 1 })).toBeFocused();
  const choose = page.getByRole('button', { name: es.newRun.model.choose });
  await answerOpenDialog(app, makeTinyModel(dataDir));
  await press(page, choose.first());
  await expect(page.getByText(es.newRun.model.trainable)).toBeVisible();
  // The button that opened the dialog is gone; the one that took its place has the focus.
  await expect(page.getByRole('button', { name: es.common.change })).toBeFocused();
  await answerOpenDialog(app, makeRows(dataDir, 40));
  await press(page, choose);
  await expect(page.getByRole('tab', { name: new RegExp(`^${es.newRun.dataset.rowsTab}`) })).toBeVisible();
  await expect(page.getByRole('button', { name: es.common.change }).last()).toBeFocused();
  await tabTo(
    page,
    page.getByRole('radiogroup', { name: es.newRun.settings.presetGroups.rank }).getByRole('radio', { checked: true }),
  );
  await page.keyboard.press('ArrowLeft');
  await expect(page.getByRole('radio', { name: es.newRun.settings.presetNames.rank_small! })).toBeChecked();
  await tabTo(page, page.getByRole('spinbutton', { name: es.settingTexts.texts.max_steps.label }));
  await page.keyboard.press('Control+A');
  await page.keyboard.type('4');
  await press(page, page.getByRole('button', { name: es.newRun.settings.addPrompt }), 'Space');
  await expect(page.getByRole('button', { name: es.newRun.estimate.start })).toBeEnabled();
  expect(await englishLines(page)).toEqual([]);
  expect(await violations(page)).toEqual([]);
  await press(page, page.getByRole('button', { name: es.newRun.estimate.start }));

  await expect(page.getByRole('heading', { level: 1 })).toBeFocused();
  const status = page.getByRole('region', { name: es.runPage.progress }).getByRole('status');
  await expect(status).toHaveText(es.runWords.status.completed, { timeout: 60_000 });
  expect(await englishLines(page)).toEqual([]);
  await tabTo(page, page.getByRole('tab', { selected: true }));
  await page.keyboard.press('ArrowRight');
  await expect(page.getByRole('tab', { name: es.runPage.facts })).toHaveAttribute('aria-selected', 'true');
  await press(page, nav.getByRole('link', { name: es.nav.runs, exact: true }));
  expect(await englishLines(page)).toEqual([]);
  const more = page.getByRole('button', { name: es.runsPage.more(es.newRun.suggestedName('sums', 'Tiny llama')) });
  await press(page, more);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  const form = page.getByRole('dialog');
  await expect(form).toBeVisible();
  expect(await englishLines(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await expect(form).toHaveCount(0);
  await expect(more).toBeFocused();

  await press(page, nav.getByRole('link', { name: es.nav.exportPage }));
  const type = page.getByRole('combobox', { name: es.exportPage.type });
  await press(page, type);
  await expect(page.getByRole('listbox')).toBeVisible();
  expect(await violations(page)).toEqual([]);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('listbox')).toHaveCount(0);
  await expect(type).toBeFocused();
  await answerSaveDialog(app, `${dataDir}/a.gguf`);
  const start = page.getByRole('button', { name: es.exportPage.start });
  await press(page, start);
  await expect(page.getByRole('table', { name: es.exportPage.result })).toBeVisible({ timeout: 60_000 });
  expect(await englishLines(page)).toEqual([]);
  await close();
});
