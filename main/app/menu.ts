import { Menu, type MenuItemConstructorOptions } from 'electron';
import type { Texts } from './texts.ts';

export interface MenuActions {
  navigate: (route: string) => void;
  openModel: () => void;
  openHelp: (topic: 'guide' | 'licences') => void;
  openDataFolder: () => void;
}

/** The usual entries; screens have shortcuts. */
export function setMenu(texts: Texts, actions: MenuActions, isPackaged: boolean): void {
  const isMac = process.platform === 'darwin';
  const go = (label: string, accelerator: string, route: string): MenuItemConstructorOptions => ({
    label,
    accelerator,
    click: () => actions.navigate(route),
  });
  const settings = go(texts.settings, 'CmdOrCtrl+,', '/settings');
  const separator: MenuItemConstructorOptions = { type: 'separator' };
  const file: MenuItemConstructorOptions[] = [
    go(texts.new_run, 'CmdOrCtrl+N', '/new'),
    { label: texts.open_model_item, accelerator: 'CmdOrCtrl+O', click: actions.openModel },
    ...(isMac ? [] : [separator, settings]),
    separator,
    isMac ? { role: 'close', label: texts.close } : { role: 'quit', label: texts.quit },
  ];
  const template: MenuItemConstructorOptions[] = [
    ...(isMac
      ? [
          {
            role: 'appMenu',
            submenu: [
              { role: 'about' },
              separator,
              settings,
              separator,
              { role: 'hide' },
              { role: 'hideOthers' },
              { role: 'unhide' },
              separator,
              { role: 'quit', label: texts.quit },
            ],
          } satisfies MenuItemConstructorOptions,
        ]
      : []),
    { label: texts.file, submenu: file },
    {
      label: texts.edit,
      submenu: [
        { role: 'undo', label: texts.undo },
        { role: 'redo', label: texts.redo },
        separator,
        { role: 'cut', label: texts.cut },
        { role: 'copy', label: texts.copy },
        { role: 'paste', label: texts.paste },
        { role: 'selectAll', label: texts.select_all },
      ],
    },
    {
      label: texts.view,
      submenu: [
        go(texts.start, 'CmdOrCtrl+1', '/'),
        separator,
        { role: 'reload', label: texts.reload },
        ...(isPackaged ? [] : [{ role: 'toggleDevTools', label: texts.developer_tools } as const]),
        separator,
        { role: 'resetZoom', label: texts.zoom_reset },
        { role: 'zoomIn', label: texts.zoom_in },
        { role: 'zoomOut', label: texts.zoom_out },
        { role: 'togglefullscreen', label: texts.full_screen },
      ],
    },
    {
      label: texts.window,
      role: 'window',
      submenu: [
        { role: 'minimize', label: texts.minimize },
        { role: 'close', label: texts.close },
      ],
    },
    {
      label: texts.help,
      role: 'help',
      submenu: [
        { label: texts.guide, accelerator: 'F1', click: () => actions.openHelp('guide') },
        { label: texts.licences, click: () => actions.openHelp('licences') },
        { label: texts.data_folder, click: actions.openDataFolder },
      ],
    },
  ];
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}
