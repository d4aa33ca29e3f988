import type { MenuItemConstructorOptions } from 'electron';
import { describe, expect, test } from 'vitest';
import { menuTemplate, type MenuActions } from './menu-template.ts';
import { textsOf } from './texts.ts';

const went: string[] = [];
const actions: MenuActions = {
  navigate: (route) => void went.push(route),
  openModel: () => undefined,
  openHelp: () => undefined,
  openDataFolder: () => undefined,
  about: () => undefined,
  checkForUpdates: null,
};

function items(template: MenuItemConstructorOptions[]): MenuItemConstructorOptions[] {
  return template.flatMap((item) => [item, ...(Array.isArray(item.submenu) ? items(item.submenu) : [])]);
}

describe.each([
  ['macOS', true],
  ['elsewhere', false],
])('the menu (%s)', (_, isMac) => {
  const place = { isMac, isPackaged: true };
  const all = (language: 'en' | 'es') => items(menuTemplate(textsOf(language, 'en'), actions, place));

  test('leads to every screen, each by a shortcut of its own', () => {
    const shortcuts = all('en').flatMap((item) => (item.accelerator === undefined ? [] : [item.accelerator]));
    expect(new Set(shortcuts).size).toBe(shortcuts.length);
    went.length = 0;
    for (const item of all('en')) if (item.accelerator !== undefined) (item.click as (() => void) | undefined)?.();
    expect([...new Set(went)].sort()).toEqual(['/', '/export', '/new', '/playground', '/queue', '/runs', '/settings']);
  });

  test('says everything in both languages', () => {
    const words = (language: 'en' | 'es') =>
      all(language).flatMap(({ label, type, role }) =>
        type === 'separator' || role === 'appMenu' ? [] : [label ?? `no label: ${role}`],
      );
    const [english, spanish] = [words('en'), words('es')];
    expect(spanish).toHaveLength(english.length);
    for (const [index, word] of english.entries()) {
      expect(word).not.toContain('no label');
      if (word !== 'Zoom') expect(spanish[index]).not.toBe(word);
    }
  });

  test('looks for updates only where it has an address', () => {
    const { check_updates } = textsOf('en', 'en');
    expect(all('en').some(({ label }) => label === check_updates)).toBe(false);
    const withUpdates = { ...actions, checkForUpdates: () => undefined };
    const labels = items(menuTemplate(textsOf('en', 'en'), withUpdates, place)).map(({ label }) => label);
    expect(labels.filter((label) => label === check_updates)).toHaveLength(1);
  });
});
