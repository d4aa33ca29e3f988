import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test, type Page } from '@playwright/test';
import { answerMessageBox, launch, type RunningApp } from '../app/launch.ts';
import { call, trainSample, waitForStatus } from '../app/sample.ts';

const out = join(import.meta.dirname, '../../out/screenshots');
const SIZES = [
  { width: 1280, height: 800 },
  { width: 900, height: 600 },
];

let running: RunningApp;
let routes: { name: string; route: string; prepare?: (page: Page) => Promise<void> }[];

test.beforeAll(async () => {
  mkdirSync(out, { recursive: true });
  running = await launch();
  const { app, page } = running;
  await answerMessageBox(app, 0);
  await page.screenshot({ path: join(out, 'first-launch.png') });
  await call(page, 'settings.set', { first_run_note_seen: true });
  const few = { val_share: 0.003 };
  const first = await trainSample(page, 'Bakery orders', { max_steps: 16, eval_steps: 8, checkpoint_steps: 8 }, few);
  await waitForStatus(page, first, 'completed');
  const second = await trainSample(
    page,
    'Bakery orders, small rank',
    { max_steps: 12, eval_steps: 6, lora_rank: 2 },
    few,
  );
  await waitForStatus(page, second, 'completed');
  const sample = (await call(page, 'models.fetchSample'))!;
  const query = new URLSearchParams({ model: sample.model_path, data: sample.data_path, name: 'Bakery orders' });
  routes = [
    { name: 'start', route: '/' },
    { name: 'new', route: `/new?${query.toString()}`, prepare: (one) => one.waitForTimeout(4000) },
    { name: 'run', route: `/runs/${first}` },
    { name: 'runs', route: '/runs' },
    { name: 'compare', route: `/runs/compare?ids=${first},${second}` },
    { name: 'queue', route: '/queue' },
    { name: 'playground', route: '/playground' },
    { name: 'export', route: `/export?run=${first}` },
    { name: 'settings', route: '/settings' },
  ];
});
test.afterAll(() => running.close());

for (const language of ['en', 'es'] as const) {
  for (const theme of ['light', 'dark'] as const) {
    test(`${language}, ${theme}`, async () => {
      const { app, page } = running;
      await call(page, 'settings.set', { language, theme });
      await page.reload();
      await page.waitForSelector('main h1');
      let start: string | null = null;
      for (const { name, route, prepare } of routes) {
        await page.evaluate((path) => (window.location.hash = `#${path}`), route);
        await page.waitForTimeout(500);
        const title = await page.locator('main h1').textContent();
        if (route === '/') start = title;
        // A screen that is not there leads to the start.
        else if (title === start) continue;
        await prepare?.(page);
        for (const size of SIZES) {
          await app.evaluate(({ BrowserWindow }, { width, height }) => {
            BrowserWindow.getAllWindows()[0]!.setContentSize(width, height);
          }, size);
          await page.waitForTimeout(250);
          await page.screenshot({ path: join(out, `${name}-${language}-${theme}-${size.width}x${size.height}.png`) });
        }
      }
    });
  }
}
