import { writeFileSync } from 'node:fs';
import { test as base } from '@playwright/test';
import { openApps } from './launch.ts';

/**
 * Playwright's test; after a failure it keeps what each window showed, as a picture and as text, beside Playwright's own files,
 * and no app and no data are left behind.
 */
export const test = base.extend<{ windows: null }>({
  windows: [
    // Playwright wants the first argument taken apart even when nothing of it is used.
    // eslint-disable-next-line no-empty-pattern
    async ({}, use, info) => {
      await use(null);
      const isFailed = info.status !== info.expectedStatus;
      for (const { child, page, clean } of openApps) {
        if (isFailed) {
          await page.screenshot({ path: info.outputPath('window.png'), timeout: 5000 }).catch(() => undefined);
          const text = await page.locator('body').ariaSnapshot({ timeout: 5000 }).catch(String);
          writeFileSync(info.outputPath('window.yml'), text);
        }
        child.kill('SIGKILL');
        clean();
      }
      openApps.clear();
    },
    { auto: true },
  ],
});
