import type { Page } from '@playwright/test';
import { makeRows, makeTinyModel, startRun, waitForShownStep } from './flow.ts';
import { launch } from './launch.ts';
import { test } from './test.ts';

interface Measured {
  /** From the start of the page's loading to its title; Electron's own start is not in it. */
  usable_ms: number;
  long_tasks_ms: number[];
}
declare global {
  interface Window {
    measured: Measured;
  }
}

const LAUNCHES = 6;
const STREAMED_STEPS = 2000;

/** Lets the page note its own times from its next load on. */
async function watch(page: Page): Promise<void> {
  await page.addInitScript(() => {
    window.measured = { usable_ms: 0, long_tasks_ms: [] };
    new MutationObserver((_changes, observer) => {
      if (document.querySelector('main h1') === null) return;
      window.measured.usable_ms = Math.round(performance.now());
      observer.disconnect();
    }).observe(document, { childList: true, subtree: true });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) window.measured.long_tasks_ms.push(Math.round(duration));
    }).observe({ type: 'longtask', buffered: true });
  });
}

const measured = (page: Page) => page.evaluate(() => window.measured);
const say = (text: string) => process.stdout.write(`${text}\n`);

test('how quick the screens are', async () => {
  const running = await launch();
  const { page, dataDir, close } = running;
  // Nothing is drawn before the first screen is there.
  const painted = await page.evaluate(
    () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
  );
  say(`at launch the page was drawn after ${Math.round(painted)} ms`);
  await watch(page);
  const loads: number[] = [];
  for (let at = 0; at < LAUNCHES; at += 1) {
    await page.reload();
    await page.waitForSelector('main h1');
    loads.push((await measured(page)).usable_ms);
  }
  say(`page usable after ${loads.join(', ')} ms; quickest ${Math.min(...loads)} ms`);

  const fields = { 'Step limit': '100000', Epochs: '10000', 'Validate every': '500' };
  await startRun(running, { name: 'Streams', model: makeTinyModel(dataDir), data: makeRows(dataDir, 200), fields });
  await page.evaluate(() => (window.measured.long_tasks_ms = []));
  const from = Date.now();
  await waitForShownStep(page, STREAMED_STEPS);
  const { long_tasks_ms } = await measured(page);
  const seconds = ((Date.now() - from) / 1000).toFixed(1);
  say(`${STREAMED_STEPS} steps streamed in ${seconds} s; tasks over 50 ms: ${long_tasks_ms.join(', ') || 'none'}`);
  await close();
});
