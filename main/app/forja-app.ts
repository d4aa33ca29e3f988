import { app, BrowserWindow, dialog, nativeTheme, screen, type IpcMain, type IpcMainInvokeEvent } from 'electron';
import type { EmitEvent, IpcEvent } from '../contracts/ipc.ts';
import type { EventName } from '../contracts/channels.ts';
import { dataDir, type ForjaDb } from '../db/index.ts';
import { AllowedPaths } from '../ipc/allowed-paths.ts';
import { createHandlers } from '../ipc/handlers.ts';
import { registerHandlers } from '../ipc/register.ts';
import { openCore, type Core } from '../services/index.ts';
import { Playground } from '../services/playground.ts';
import type { AppSettingsStore } from '../settings/index.ts';
import { startChatsWith } from '../chat/index.ts';
import { startUtilityWorker } from './chat-worker.ts';
import type { CrashLog } from './crash-log.ts';
import { electronHost } from './electron-host.ts';
import { setMenu } from './menu.ts';
import { RunWatch } from './run-watch.ts';
import type { StateFile } from './stored.ts';
import { textsOf, type Texts } from './texts.ts';
import { canUpdate, releaseFeed } from './update-feed.ts';
import { UpdateFlow, type UpdateDialogs } from './update-flow.ts';
import { MINIMUM_SIZE, placeWindow, readWindowState } from './window-state.ts';

export interface ForjaAppOptions {
  db: ForjaDb;
  settings: AppSettingsStore;
  windowState: StateFile;
  crashes: CrashLog;
  preload: string;
  pageUrl: string;
  isOwnPage: (url: string) => boolean;
  /** A model file that the app was opened with. */
  opened: string | null;
}

/** Backgrounds of the page's two themes, so that nothing flashes before it has loaded. */
const BACKGROUND = { light: '#fbfaf9', dark: '#161514' };
/** A page that crashes again within this time is not loaded again. */
const RELOAD_PAUSE_MS = 10_000;
/** How long the system may take to end the process when all is saved. */
const QUIT_MS = 5000;

/** The running app: one window, the services behind it, and what the desktop shows of them. */
export class ForjaApp {
  private readonly options: ForjaAppOptions;
  private readonly core: Core;
  private readonly playground: Playground;
  private readonly paths = new AllowedPaths();
  private readonly watch: RunWatch;
  private readonly checkForUpdates: (() => void) | null;
  private window: BrowserWindow | null = null;
  private opened: string | null;
  private isClosing = false;
  private isClosed = false;
  private crashed_ms = 0;

  constructor(options: ForjaAppOptions) {
    this.options = options;
    this.opened = options.opened;
    const { db, settings } = options;
    this.watch = new RunWatch(
      () => this.window,
      () => settings.get(),
      () => this.texts(),
      () => this.show(),
    );
    const emit: EmitEvent = (name, data) => this.emit(name, data);
    startChatsWith(startUtilityWorker);
    const context = { db, emit, settings: () => settings.get() };
    this.core = openCore(context);
    this.playground = new Playground(context, this.core.queue);
    this.checkForUpdates = this.updates();
  }

  start(ipcMain: IpcMain): void {
    const { db, settings, isOwnPage, crashes } = this.options;
    if (this.opened !== null) this.paths.allowFile(this.opened);
    const host = electronHost(
      () => this.window,
      () => {
        const path = this.opened;
        this.opened = null;
        return path;
      },
    );
    const handlers = createHandlers({
      db,
      host,
      settings,
      paths: this.paths,
      core: this.core,
      playground: this.playground,
      emit: (name, data) => this.emit(name, data),
      checkForUpdates: this.checkForUpdates,
      texts: () => this.texts(),
    });
    registerHandlers<IpcMainInvokeEvent>(
      ipcMain,
      handlers,
      ({ sender, senderFrame }) =>
        this.window !== null &&
        !this.window.isDestroyed() &&
        sender === this.window.webContents &&
        // Only the page itself, no frame in it.
        senderFrame !== null &&
        senderFrame.parent === null &&
        isOwnPage(senderFrame.url),
      (channel, error) => crashes.note(channel, error),
    );
    const useSettings = () => {
      nativeTheme.themeSource = settings.get().theme;
      this.setMenu(host);
    };
    useSettings();
    settings.onChange(useSettings);
    app.on('before-quit', (event) => {
      if (this.isClosed) return;
      event.preventDefault();
      void this.close();
    });
    this.open();
    this.core.queue.start();
  }

  show(): void {
    if (this.window === null || this.window.isDestroyed()) {
      this.open();
      return;
    }
    if (this.window.isMinimized()) this.window.restore();
    this.window.show();
    this.window.focus();
  }

  openModel(path: string): void {
    this.paths.allowFile(path);
    this.emit('app.openFile', { path });
  }

  tellTheme(): void {
    const is_dark = nativeTheme.shouldUseDarkColors;
    this.window?.setBackgroundColor(is_dark ? BACKGROUND.dark : BACKGROUND.light);
    this.emit('app.theme', { is_dark });
  }

  private texts(): Texts {
    return textsOf(this.options.settings.get().language, app.getLocale());
  }

  private emit<Name extends EventName>(name: Name, data: IpcEvent<Name>): void {
    if (name === 'run.changed') this.watch.note(data as IpcEvent<'run.changed'>);
    if (this.window !== null && !this.window.isDestroyed()) this.window.webContents.send(name, data);
  }

  private setMenu(host: ReturnType<typeof electronHost>): void {
    const navigate = (route: string) => this.emit('app.navigate', { route });
    setMenu(
      this.texts(),
      {
        navigate,
        openModel: () => {
          const texts = this.texts();
          void host
            .pickFile({ title: texts.open_model, kind: texts.models, extensions: ['gguf'] })
            .then((path) => path !== null && this.openModel(path));
        },
        openHelp: (topic) => void host.openHelp(topic),
        openDataFolder: () => void host.openFolder(dataDir()),
        about: () => void this.about(),
        checkForUpdates: this.checkForUpdates,
      },
      app.isPackaged,
    );
  }

  /** Null where no release address is set. */
  private updates(): (() => void) | null {
    if (!app.isPackaged || !canUpdate(process.resourcesPath, process.platform, process.env)) return null;
    const flow = new UpdateFlow(releaseFeed(), this.dialogs(), () => this.texts(), app.getVersion());
    return () => void flow.check();
  }

  private async about(): Promise<void> {
    const { about_detail } = this.texts();
    const options = {
      type: 'info' as const,
      title: this.texts().about,
      message: 'Forja',
      detail: about_detail(app.getVersion()),
      buttons: ['OK'],
    };
    await this.box(options);
  }

  /** Over the window, where there is one. */
  private async box(options: Electron.MessageBoxOptions): Promise<number> {
    const { window } = this;
    const shown = window === null ? dialog.showMessageBox(options) : dialog.showMessageBox(window, options);
    return (await shown).response;
  }

  private dialogs(): UpdateDialogs {
    return {
      tell: async (message, detail) => {
        await this.box({ type: 'info', message, detail, buttons: ['OK'] });
      },
      ask: async (message, detail, accept, decline) => {
        const buttons = [accept, decline];
        return (await this.box({ type: 'question', message, detail, buttons, defaultId: 0, cancelId: 1 })) === 0;
      },
    };
  }

  private open(): void {
    const { windowState, preload, pageUrl, crashes } = this.options;
    const state = readWindowState(windowState.read());
    const areas = screen.getAllDisplays().map(({ workArea }) => workArea);
    const window = new BrowserWindow({
      ...placeWindow(state, areas),
      minWidth: MINIMUM_SIZE.width,
      minHeight: MINIMUM_SIZE.height,
      show: false,
      title: 'Forja',
      backgroundColor: nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light,
      webPreferences: {
        preload,
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        webviewTag: false,
        spellcheck: false,
        // A run's curves go on being drawn while another window is in front.
        backgroundThrottling: false,
      },
    });
    this.window = window;
    if (state.is_maximized) window.maximize();
    window.once('ready-to-show', () => window.show());
    window.on('close', (event) => {
      windowState.write({ bounds: window.getNormalBounds(), is_maximized: window.isMaximized() });
      if (this.isClosed) return;
      event.preventDefault();
      void this.close();
    });
    window.webContents.on('render-process-gone', (_event, details) => {
      crashes.note('render-process-gone', details);
      const again = Date.now() - this.crashed_ms < RELOAD_PAUSE_MS;
      this.crashed_ms = Date.now();
      // The runs go on in their own processes; the page finds them again.
      if (!again && !window.isDestroyed()) window.webContents.reload();
    });
    window.webContents.on('preload-error', (_event, _path, error) => crashes.note('preload-error', error));
    void window.loadURL(pageUrl);
  }

  /** Asks when a run is active, lets it write a checkpoint, and quits. */
  private async close(): Promise<void> {
    if (this.isClosing) return;
    this.isClosing = true;
    this.isClosing = await this.mayClose();
    if (!this.isClosing) return;
    this.window?.hide();
    try {
      this.watch.end();
      this.playground.close();
      if (!(await this.core.close())) this.options.crashes.note('close', new Error('A run had not ended in time.'));
      this.options.db.close();
    } catch (error) {
      this.options.crashes.note('close', error);
    }
    this.isClosed = true;
    app.quit();
    // All is saved: whatever of the system still holds the process up must not leave it behind unseen.
    setTimeout(() => app.exit(0), QUIT_MS);
  }

  /** False when the person wants to stay, and when that can't be found out: then they may ask again. */
  private async mayClose(): Promise<boolean> {
    try {
      return this.core.queue.state().active_run_id === null || (await this.mayStop());
    } catch (error) {
      this.options.crashes.note('close', error);
      return false;
    }
  }

  private async mayStop(): Promise<boolean> {
    const texts = this.texts();
    const options = {
      type: 'question' as const,
      message: texts.close_title,
      detail: texts.close_detail,
      buttons: [texts.close_stop, texts.close_stay],
      defaultId: 1,
      cancelId: 1,
    };
    return (await this.box(options)) === 0;
  }
}
