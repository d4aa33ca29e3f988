import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { expect, type Locator, type Page } from '@playwright/test';
import { answerOpenDialog, PATIENCE_MS, within, type RunningApp } from './launch.ts';

const FIXTURES = process.env.FORJA_FIXTURES ?? join(import.meta.dirname, '../../native/build/tests/forja-fixtures');

/** Makes tiny random models, or spoilt files, in a new folder of the app's data folder. @returns their paths by name */
export function makeFixtures(dataDir: string, ...args: string[]): Record<string, string> {
  const folder = join(dataDir, `fixtures${args.join('')}`);
  mkdirSync(folder, { recursive: true });
  execFileSync(FIXTURES, [folder, ...args], { stdio: 'ignore' });
  return Object.fromEntries(readdirSync(folder).map((name) => [name, join(folder, name)]));
}

/** A tiny random model, which trains many steps a second: for what is about runs and not about what they learn. */
export function makeTinyModel(dataDir: string): string {
  return Object.values(makeFixtures(dataDir, '--variant', 'llama', '--type', 'f32'))[0]!;
}

/** Writes short rows of instruction and answer. @returns the file's path */
export function makeRows(dataDir: string, count = 24, name = 'sums.jsonl'): string {
  const path = join(dataDir, name);
  const rows = Array.from({ length: count }, (_, at) =>
    JSON.stringify({ instruction: `Add ${at} and ${at + 1}.`, output: `The sum is ${2 * at + 1}.` }),
  );
  writeFileSync(path, `${rows.join('\n')}\n`);
  return path;
}

/** A new fine-tune as a person puts it together on its screen. */
export interface NewRun {
  name: string;
  model: string;
  data: string;
  /** Fields by their labels. */
  fields?: Record<string, string>;
  prompts?: readonly string[];
}

/** A part of the screen where a run is put together, or a card: by its heading. */
export function part(page: Page, name: string): Locator {
  return page.getByRole('region', { name, exact: true });
}

/** Goes to a screen by the sidebar. */
export async function openScreen(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name, exact: true }).click();
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
}

/** Chooses model and dataset by their buttons; only the system's own dialogs are answered for the person. */
export async function chooseFiles({ app, page }: RunningApp, model: string, data: string): Promise<void> {
  await answerOpenDialog(app, model);
  await part(page, 'Base model')
    .getByRole('button', { name: /^(Choose a file…|Change)$/ })
    .click();
  await expect(part(page, 'Base model').getByText('Can be trained')).toBeVisible();
  await answerOpenDialog(app, data);
  await part(page, 'Dataset')
    .getByRole('button', { name: /^(Choose a file…|Change)$/ })
    .click();
  await expect(part(page, 'Dataset').getByRole('tab', { name: /^Rows/ })).toBeVisible();
}

/** Fills fields of the settings by their labels; those folded away are unfolded. */
export async function fillSettings(page: Page, fields: Record<string, string>): Promise<void> {
  const settings = part(page, 'Method and settings');
  for (const [label, value] of Object.entries(fields)) {
    const field = settings.getByRole('spinbutton', { name: label, exact: true });
    if (!(await field.isVisible())) await settings.getByText('Advanced settings').click();
    await field.fill(value);
    await field.press('Tab');
  }
}

/** Puts a fine-tune together and starts it, or adds it to the queue: through the screen, from the sidebar on. */
export async function startRun(running: RunningApp, { name, model, data, fields = {}, prompts = [] }: NewRun) {
  const { page } = running;
  await openScreen(page, 'New fine-tune');
  await chooseFiles(running, model, data);
  await fillSettings(page, { Threads: '1', Accumulation: '1', ...fields });
  for (const [index, prompt] of prompts.entries()) {
    await page.getByRole('button', { name: 'Add a prompt' }).click();
    await page.getByRole('textbox', { name: `Prompt ${index + 1}`, exact: true }).fill(prompt);
  }
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill(name);
  await page.getByRole('button', { name: /^(Start training|Add to the queue)$/ }).click();
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
}

/** How a run stands, as its screen says it. */
export function statusOf(page: Page): Locator {
  return page.getByRole('region', { name: 'Progress' }).getByRole('status');
}

/** The step that the run's screen shows. */
export async function shownStep(page: Page): Promise<number> {
  const text = await page.getByRole('region', { name: 'Progress' }).getByRole('definition').first().textContent();
  return Number((text ?? '').split('/')[0]!.replace(/\D/g, ''));
}

/** Waits until the run's screen shows this step, or a later one. */
export async function waitForShownStep(page: Page, step: number): Promise<void> {
  await expect.poll(() => shownStep(page), { timeout: 90_000 }).toBeGreaterThanOrEqual(step);
}

/** What axe finds wrong with what is on the screen, a line each. */
export async function violations(page: Page): Promise<string[]> {
  // Playwright opens a page of its own for this unless told otherwise, which Electron has none for.
  const analysis = new AxeBuilder({ page }).setLegacyMode().analyze();
  const { violations: found } = await within(PATIENCE_MS, analysis, () => 'axe did not come to an end');
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(', ')}`);
}
