import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { textsOf } from './texts.ts';
import { canUpdate } from './update-feed.ts';
import { UpdateFlow, type UpdateFeed } from './update-flow.ts';

let did: string[];
let answers: boolean[];
beforeEach(() => {
  did = [];
  answers = [];
});

const feedOf = (version: string | null): UpdateFeed => ({
  newer: () => {
    did.push('newer');
    return Promise.resolve(version === null ? null : { version });
  },
  download: () => {
    did.push('download');
    return Promise.resolve();
  },
  install: () => void did.push('install'),
});
const dialogs = {
  tell: (message: string, detail: string) => {
    did.push(`tell: ${message} ${detail}`.trim());
    return Promise.resolve();
  },
  ask: (message: string) => {
    did.push(`ask: ${message}`);
    return Promise.resolve(answers.shift() ?? false);
  },
};
const flow = (feed: UpdateFeed, language: 'en' | 'es' = 'en') =>
  new UpdateFlow(feed, dialogs, () => textsOf(language, 'en'), '1.0.0');

test('nothing is asked of the network until the person asks', async () => {
  const one = flow(feedOf(null));
  expect(did).toEqual([]);
  await one.check();
  expect(did).toEqual(['newer', 'tell: Forja 1.0.0 is the newest version.']);
});

test('nothing is fetched and nothing installed without a yes', async () => {
  await flow(feedOf('1.1.0')).check();
  expect(did).toEqual(['newer', 'ask: Forja 1.1.0 is available']);
  did = [];
  answers = [true, false];
  await flow(feedOf('1.1.0')).check();
  expect(did).toEqual(['newer', 'ask: Forja 1.1.0 is available', 'download', 'ask: Forja 1.1.0 is ready']);
  did = [];
  answers = [true, true];
  await flow(feedOf('1.1.0')).check();
  expect(did.at(-1)).toBe('install');
});

test('what goes wrong is told in a sentence, in the language of the app', async () => {
  const broken = { ...feedOf(null), newer: () => Promise.reject(new Error('net::ERR_NAME_NOT_RESOLVED\n  at stack')) };
  await flow(broken, 'es').check();
  expect(did).toHaveLength(1);
  expect(did[0]).toMatch(/^tell: No se pudo buscar actualizaciones .*net::ERR_NAME_NOT_RESOLVED/);
  expect(did[0]).not.toContain('stack');
});

test('asked twice at once it looks once', async () => {
  const one = flow(feedOf(null));
  await Promise.all([one.check(), one.check()]);
  expect(did.filter((what) => what === 'newer')).toHaveLength(1);
});

test('the address is what electron-builder packed, and counts where the installation can replace itself', () => {
  const dir = mkdtempSync(join(tmpdir(), 'forja-resources-'));
  const image = { APPIMAGE: '/opt/Forja.AppImage' };
  expect(canUpdate(dir, 'linux', image)).toBe(false);
  writeFileSync(join(dir, 'app-update.yml'), 'provider: github\n');
  expect(['darwin', 'win32', 'linux'].map((platform) => canUpdate(dir, platform, {}))).toEqual([true, true, false]);
  expect(canUpdate(dir, 'linux', image)).toBe(true);
  writeFileSync(join(dir, 'package-type'), 'deb');
  expect(canUpdate(dir, 'linux', {})).toBe(true);
  rmSync(dir, { recursive: true });
});
