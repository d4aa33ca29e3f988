import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { en } from '../../renderer/src/i18n/en/index.ts';
import { es } from '../../renderer/src/i18n/es/index.ts';
import { violations } from '../app/flow.ts';
import type { RunningApp } from '../app/launch.ts';

export const SHOTS = join(import.meta.dirname, '../../out/screenshots');
const SIZES = [
  { width: 1280, height: 800 },
  { width: 900, height: 600 },
];
const TEXTS = { en, es };
export type Texts = typeof en;

/** A screen in a state worth looking at. Numbered in the order in which a person meets them. */
export interface Scene {
  name: string;
  route: string;
  /** Brings the screen to its state, by clicking as a person would. */
  prepare?: (page: Page, t: Texts) => Promise<void>;
  /** Undoes what would show in the next scene. */
  leave?: (page: Page, t: Texts) => Promise<void>;
  /** Only the first size: for what is over in a moment. */
  isFleeting?: boolean;
}

/** Opens a screen of the app as its links do. */
export async function goTo(page: Page, route: string): Promise<void> {
  await page.evaluate((path) => (window.location.hash = `#${path}`), route);
  await page.locator('main h1').waitFor();
}

/** Chooses language and theme on the settings screen; a reload would lose what is being put together on others. */
async function dress(page: Page, language: number, theme: number): Promise<void> {
  await goTo(page, '/settings');
  await page.locator('main [role=radiogroup]').nth(0).getByRole('radio').nth(language).click();
  await page.locator('main [role=radiogroup]').nth(1).getByRole('radio').nth(theme).click();
}

/**
 * What a person would see as broken, as lines of text: a page that scrolls sideways, words that are cut off.
 */
function flaws(): string[] {
  const found: string[] = [];
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) found.push(`the page is ${scrollWidth - clientWidth} px too wide`);
  for (const element of document.querySelectorAll<HTMLElement>('main, main *, nav *, [role=dialog] *')) {
    const style = getComputedStyle(element);
    if (element.clientWidth === 0 || style.clipPath !== 'none' || element.closest('.visually-hidden') !== null)
      continue;
    const isCut = element.scrollWidth > element.clientWidth + 1;
    if (isCut && style.overflowX === 'auto') found.push(`scrolls sideways: ${element.className}`);
    // What has a title is cut on purpose, as the paths of files are.
    else if (isCut && style.textOverflow === 'ellipsis' && !element.hasAttribute('title'))
      found.push(`cut off: ${element.textContent.trim()}`);
  }
  return found;
}

/** Takes each scene in both languages, light and dark, at both sizes; what looks broken goes into flaws.txt. */
export async function take({ app, page }: RunningApp, scenes: readonly Scene[]): Promise<void> {
  for (const [l, language] of (['en', 'es'] as const).entries()) {
    for (const [d, theme] of (['light', 'dark'] as const).entries()) {
      await dress(page, l + 1, d + 1);
      for (const { name, route, prepare, leave, isFleeting } of scenes) {
        // Away and back: a screen that is open already would keep its state.
        await goTo(page, route === '/' ? '/queue' : '/');
        await goTo(page, route);
        await prepare?.(page, TEXTS[language]);
        for (const { width, height } of isFleeting ? SIZES.slice(0, 1) : SIZES) {
          await app.evaluate(
            ({ BrowserWindow }, [w, h]) => BrowserWindow.getAllWindows()[0]!.setContentSize(w!, h!),
            [width, height],
          );
          await page.waitForFunction(([w, h]) => innerWidth === w && innerHeight === h, [width, height]);
          // Animations and the next drawing of a chart.
          await page.waitForTimeout(200);
          const file = `${name}.${language}.${theme}.${width}x${height}`;
          await page.screenshot({ path: join(SHOTS, `${file}.png`) });
          const found = theme === 'light' ? await page.evaluate(flaws) : [];
          // Colours differ by theme, and nothing else that axe looks at does by language and size.
          if (language === 'en' && width === SIZES[0]!.width) found.push(...(await violations(page)));
          for (const flaw of new Set(found)) appendFileSync(join(SHOTS, 'flaws.txt'), `${file}: ${flaw}\n`);
        }
        await leave?.(page, TEXTS[language]);
      }
    }
  }
}
