import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@playwright/test';
import { chooseFiles, makeTinyModel, openScreen, part } from './flow.ts';
import { launch } from './launch.ts';
import { test } from './test.ts';

/**
 * Electron's security checklist (electronjs.org, "Security", items 1 to 20), asked of the running app. Items about how it is packed,
 * fuses and ASAR among them, are checked where it is packed: scripts/package.mjs.
 */
test("holds every item of Electron's security checklist", async () => {
  const { app, page, close } = await launch();

  // 1, 18: no remote content; the page has a scheme of its own, not file:.
  expect(page.url()).toMatch(/^forja:\/\/app\//);
  // 2, 3, 4, 6, 8, 9, 10, 11: the window's preferences.
  const preferences = await app.evaluate(({ BrowserWindow }) => {
    const [window] = BrowserWindow.getAllWindows();
    const contents = window!.webContents as unknown as { getLastWebPreferences(): Record<string, unknown> };
    return contents.getLastWebPreferences();
  });
  expect(preferences).toMatchObject({
    nodeIntegration: false,
    contextIsolation: true,
    sandbox: true,
    webviewTag: false,
  });
  expect(preferences.nodeIntegrationInWorker ?? false).toBe(false);
  expect(preferences.nodeIntegrationInSubFrames ?? false).toBe(false);
  expect(preferences.webSecurity ?? true).toBe(true);
  expect(preferences.allowRunningInsecureContent ?? false).toBe(false);
  expect(preferences.experimentalFeatures ?? false).toBe(false);
  expect(preferences.enableBlinkFeatures ?? '').toBe('');

  // 5: permissions are refused but for copying text.
  const permissions = await page.evaluate(async () => {
    const ask = async (name: string) => (await navigator.permissions.query({ name: name as PermissionName })).state;
    return Promise.all(['geolocation', 'camera', 'microphone', 'notifications'].map(ask));
  });
  expect(permissions).toEqual(['denied', 'denied', 'denied', 'denied']);
  // 7: the policy comes with the page itself, and neither inline nor evaluated code runs.
  const policy = await page.evaluate(async () =>
    (await fetch('forja://app/index.html')).headers.get('content-security-policy'),
  );
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self'");
  expect(policy).not.toMatch(/unsafe/);
  const ran = await page.evaluate(() => {
    const marks = window as unknown as Record<string, unknown>;
    const script = document.createElement('script');
    script.textContent = 'window.wasInline = true';
    document.body.append(script);
    const image = document.createElement('img');
    image.setAttribute('onerror', 'window.wasHandler = true');
    image.src = 'forja://app/none.png';
    document.body.append(image);
    return [marks.wasInline ?? false, marks.wasHandler ?? false];
  });
  expect(ran).toEqual([false, false]);

  // Nothing is fetched, and no file outside the page's own folder is served.
  const fetched = await page.evaluate(async () => {
    const attempt = async (url: string) => {
      try {
        const answer = await fetch(url);
        return answer.ok ? 'ok' : 'refused';
      } catch {
        return 'refused';
      }
    };
    const urls = [
      'https://example.com/',
      'http://127.0.0.1/',
      'file:///etc/passwd',
      'forja://app/../../../../../etc/passwd',
      'forja://app/%2e%2e/%2e%2e/package.json',
      'forja://other/index.html',
      'forja://app/..%5c..%5cpackage.json',
    ];
    return Promise.all(urls.map(attempt));
  });
  expect(new Set(fetched)).toEqual(new Set(['refused']));

  // 15: openExternal is called nowhere with what the page says: it names one of three topics.
  expect(
    await page.evaluate(() => window.forja.invoke('app.openExternalHelp', { topic: 'https://example.com' } as never)),
  ).toMatchObject({ ok: false });
  // 17, 20: only the page's own calls are answered, by a bridge that has nothing of Electron.
  const bridge = await page.evaluate(() =>
    Object.entries(window.forja).map(([name, value]) => `${name}:${typeof value}`),
  );
  expect(bridge.sort()).toEqual(['dropped:function', 'invoke:function', 'on:function']);
  const [dropped, strange] = await page.evaluate(() =>
    [
      window.forja.dropped({ path: '/etc/passwd' }),
      window.forja.invoke('files.dropped' as never, { path: '/etc/passwd' } as never).catch(String),
    ].reduce(async (all, next) => [...(await all), await next], Promise.resolve([] as unknown[])),
  );
  expect(dropped).toMatchObject({ ok: false });
  expect(String(strange)).toContain('no channel');

  // 12: no web view comes to be. 13, 14: the page can't leave, nor open windows. Playwright waits for navigations that were prevented,
  // so the main process is asked what is shown.
  const before = page.url();
  await page.evaluate(() => {
    document.body.append(document.createElement('webview'));
    window.open('https://example.com');
    const link = document.createElement('a');
    link.href = 'https://example.com/';
    link.target = '_blank';
    document.body.append(link);
    link.click();
    setTimeout(() => (location.href = 'https://example.com/'), 0);
    setTimeout(() => (location.href = 'file:///etc/passwd'), 100);
  });
  const shown = await app.evaluate(async ({ BrowserWindow, webContents }) => {
    const contents = BrowserWindow.getAllWindows()[0]!.webContents;
    await contents.executeJavaScript('new Promise((done) => setTimeout(done, 1000))');
    return {
      windows: BrowserWindow.getAllWindows().length,
      contents: webContents.getAllWebContents().length,
      url: contents.getURL(),
      hasHeading: (await contents.executeJavaScript('document.querySelector("main h1") !== null')) as boolean,
    };
  });
  expect(shown).toEqual({ windows: 1, contents: 1, url: before, hasHeading: true });
  await close();
});

test('HTML and script in rows and names are shown as the text that they are', async () => {
  const running = await launch();
  const { page, dataDir, close } = running;
  const evil =
    '<img src=x onerror="window.evil=1"><script>window.evil=2</script><a href="javascript:window.evil=3">x</a>';
  const data = join(dataDir, 'rows <img src=x onerror=window.evil=4>.jsonl');
  writeFileSync(
    data,
    Array.from({ length: 6 }, (_, at) =>
      JSON.stringify({ instruction: `${at} ${evil}`, output: `{{ messages }} ${evil}` }),
    ).join('\n'),
  );
  await openScreen(page, 'New fine-tune');
  await chooseFiles(running, makeTinyModel(dataDir), data);
  await part(page, 'Dataset').getByRole('tab', { name: /^Rows/ }).click();
  await expect(part(page, 'Dataset')).toContainText('window.evil=2');
  expect(await page.evaluate(() => (window as unknown as { evil?: unknown }).evil ?? null)).toBeNull();
  expect(await page.locator('main img[src="x"], main a[href^="javascript"], main script').count()).toBe(0);
  await close();
});
