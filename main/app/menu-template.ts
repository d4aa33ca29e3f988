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
  const does = (role: MenuItemConstructorOptions['role'], label: string): MenuItemConstructorOptions => ({
    role,
    label,
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
      does('services', texts.services),
      separator,
      does('hide', texts.hide),
      does('hideOthers', texts.hide_others),
      does('unhide', texts.show_all),
      separator,
      does('quit', texts.quit),
    ],
  };
  const file: MenuItemConstructorOptions[] = [
    go(texts.new_run, 'CmdOrCtrl+N', '/new'),
    { label: texts.open_model_item, accelerator: 'CmdOrCtrl+O', click: actions.openModel },
    ...(isMac ? [] : [separator, settings]),
    separator,
    isMac ? does('close', texts.close) : does('quit', texts.quit),
  ];
  const edit: MenuItemConstructorOptions[] = [
    does('undo', texts.undo),
    does('redo', texts.redo),
    separator,
    does('cut', texts.cut),
    does('copy', texts.copy),
    does('paste', texts.paste),
    does('delete', texts.delete),
    separator,
    does('selectAll', texts.select_all),
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
    does('resetZoom', texts.zoom_reset),
    does('zoomIn', texts.zoom_in),
    does('zoomOut', texts.zoom_out),
    does('togglefullscreen', texts.full_screen),
    separator,
    does('reload', texts.reload),
    ...(isPackaged ? [] : [does('toggleDevTools', texts.developer_tools)]),
  ];
  const window: MenuItemConstructorOptions[] = [
    does('minimize', texts.minimize),
    ...(isMac ? [does('zoom', texts.zoom_window), separator, does('front', texts.front)] : []),
    does('close', texts.close),
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
