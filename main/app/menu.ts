import { Menu } from 'electron';
import { menuTemplate, type MenuActions } from './menu-template.ts';
import type { Texts } from './texts.ts';

/** Makes the menu the app's, in these words. */
export function setMenu(texts: Texts, actions: MenuActions, isPackaged: boolean): void {
  const place = { isMac: process.platform === 'darwin', isPackaged };
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(texts, actions, place)));
}
