import type { MenuItemConstructorOptions } from 'electron';
import type { Texts } from './texts.ts';

export interface MenuActions {
  navigate: (route: string) => void;
  openModel: () => void;
  openHelp: (topic: 'guide' | 'licences') => void;
  openDataFolder: () => void;
  about: () => void;
  /** Null where no address for updates is set. */
  checkForUpdates: (() => void) | null;
}

export interface MenuPlace {
  isMac: boolean;
  isPackaged: boolean;
}

/** The usual entries of a desktop app, and every screen with a shortcut. */
export function menuTemplate(texts: Texts, actions: MenuActions, place: MenuPlace): MenuItemConstructorOptions[] {
  const { isMac, isPackaged } = place;
  const separator: MenuItemConstructorOptions = { type: 'separator' };
  const go = (label: string, accelerator: string, route: string): MenuItemConstructorOptions => ({
    label,
    accelerator,
    click: () => actions.navigate(route),
  });
  const settings = go(texts.settings, 'CmdOrCtrl+,', '/settings');
  const about: MenuItemConstructorOptions = { label: texts.about, click: actions.about };
  const { checkForUpdates } = actions;
  const updates: MenuItemConstructorOptions[] =
    checkForUpdates === null ? [] : [{ label: texts.check_updates, click: checkForUpdates }];

  const appMenu: MenuItemConstructorOptions = {
    role: 'appMenu',
    submenu: [
      about,
      ...updates,
      separator,
      settings,
      separator,
      { role: 'services', label: texts.services },
      separator,
      { role: 'hide', label: texts.hide },
      { role: 'hideOthers', label: texts.hide_others },
      { role: 'unhide', label: texts.show_all },
      separator,
      { role: 'quit', label: texts.quit },
    ],
  };
  const file: MenuItemConstructorOptions[] = [
    go(texts.new_run, 'CmdOrCtrl+N', '/new'),
    { label: texts.open_model_item, accelerator: 'CmdOrCtrl+O', click: actions.openModel },
    ...(isMac ? [] : [separator, settings]),
    separator,
    isMac ? { role: 'close', label: texts.close } : { role: 'quit', label: texts.quit },
  ];
  const edit: MenuItemConstructorOptions[] = [
    { role: 'undo', label: texts.undo },
    { role: 'redo', label: texts.redo },
    separator,
    { role: 'cut', label: texts.cut },
    { role: 'copy', label: texts.copy },
    { role: 'paste', label: texts.paste },
    { role: 'delete', label: texts.delete },
    separator,
    { role: 'selectAll', label: texts.select_all },
  ];
  const view: MenuItemConstructorOptions[] = [
    go(texts.start, 'CmdOrCtrl+1', '/'),
    go(texts.new_run, 'CmdOrCtrl+2', '/new'),
    go(texts.runs, 'CmdOrCtrl+3', '/runs'),
    go(texts.queue, 'CmdOrCtrl+4', '/queue'),
    go(texts.playground, 'CmdOrCtrl+5', '/playground'),
    go(texts.export_page, 'CmdOrCtrl+6', '/export'),
    go(texts.settings, 'CmdOrCtrl+7', '/settings'),
    separator,
    { role: 'resetZoom', label: texts.zoom_reset },
    { role: 'zoomIn', label: texts.zoom_in },
    { role: 'zoomOut', label: texts.zoom_out },
    { role: 'togglefullscreen', label: texts.full_screen },
    separator,
    { role: 'reload', label: texts.reload },
    ...(isPackaged ? [] : [{ role: 'toggleDevTools', label: texts.developer_tools } as const]),
  ];
  const window: MenuItemConstructorOptions[] = [
    { role: 'minimize', label: texts.minimize },
    ...(isMac
      ? [{ role: 'zoom', label: texts.zoom_window } as const, separator, { role: 'front', label: texts.front } as const]
      : []),
    { role: 'close', label: texts.close },
  ];
  const help: MenuItemConstructorOptions[] = [
    { label: texts.guide, accelerator: 'F1', click: () => actions.openHelp('guide') },
    { label: texts.licences, click: () => actions.openHelp('licences') },
    { label: texts.data_folder, click: actions.openDataFolder },
    ...(isMac ? [] : [separator, ...updates, about]),
  ];
  return [
    ...(isMac ? [appMenu] : []),
    { label: texts.file, submenu: file },
    { label: texts.edit, submenu: edit },
    { label: texts.view, submenu: view },
    { label: texts.window, role: 'window', submenu: window },
    { label: texts.help, role: 'help', submenu: help },
  ];
}
