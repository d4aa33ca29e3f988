import { spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { _electron, type ElectronApplication, type Page } from '@playwright/test';

/** How long one action or expectation may take on a busy machine: far longer than it does, so that only a hang is a failure. */
export const PATIENCE_MS = 60_000;

/** How much of what the app writes to stderr is kept for a complaint. */
const SAID_CHARS = 2000;

const root = join(import.meta.dirname, '../..');

export interface LaunchOptions {
  /** Default: a new folder, which goes when the app is closed. */
  dataDir?: string;
  size?: { width: number; height: number };
  args?: string[];
  settings?: Record<string, unknown>;
}

/** The real app with a data folder of its own. */
export interface RunningApp {
  app: ElectronApplication;
  page: Page;
  dataDir: string;
  /** Ends it as a person would; a question about a running run is answered with "stop". */
  close: () => Promise<void>;
  /** Ends it as a power cut would. */
  kill: () => Promise<void>;
  /** Resolves when its process has ended. */
  gone: Promise<unknown>;
  /** Its process; Playwright forgets it when the app has ended by itself. */
  child: ChildProcess;
  /** Removes the data folder, if it was made for this launch. */
  clean: () => void;
}

/** The apps that are open now. */
export const openApps = new Set<RunningApp>();

/**
 * Starts the built app. The executable comes from the test command (FORJA_ELECTRON_PATH), with what its runtime needs in the
 * environment.
 */
export async function launch(options: LaunchOptions = {}): Promise<RunningApp> {
  const executablePath = process.env.FORJA_ELECTRON_PATH;
  if (executablePath === undefined) throw new Error('FORJA_ELECTRON_PATH is not set: run `npm test -- app`.');
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'forja-app-'));
  const app = await _electron.launch({
    executablePath,
    args: [...appArguments(), ...(options.args ?? [])],
    env: { ...(process.env as Record<string, string>), FORJA_DATA_DIR: dataDir },
  });
  const gone = once(app.process(), 'exit');
  let said = '';
  app.process().stderr?.on('data', (piece: Buffer) => (said = (said + piece.toString()).slice(-SAID_CHARS)));
  const page = await app.firstWindow();
  // What waits for ever otherwise fails at its own line, not at the end of the test's time.
  page.setDefaultTimeout(PATIENCE_MS);
  const { size } = options;
  if (size !== undefined) {
    await app.evaluate(({ BrowserWindow }, { width, height }) => {
      BrowserWindow.getAllWindows()[0]!.setContentSize(width, height);
    }, size);
  }
  await page.waitForSelector('main h1');
  const clean = () => {
    // A trainer that was left behind may still write in it.
    if (options.dataDir === undefined)
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  const running: RunningApp = {
    app,
    page,
    dataDir,
    child: app.process(),
    clean,
    gone,
    close: async () => {
      let trouble = 'none';
      const complaint = () =>
        `The app did not end. Trouble in asking: ${trouble}\nIts last words: ${said}\nProcesses left:\n${processTree()}`;
      const work = async () => {
        await answerMessageBox(app, 0);
        // Playwright's close() says nothing when its request fails: the app is asked here. In a turn of its own, as a person would
        // ask: what is evaluated interrupts whatever runs, a query that is read row by row as well.
        await app
          .evaluate(({ app: it }) => void setImmediate(() => it.quit()))
          .catch((error: unknown) => (trouble = String(error)));
        // Node waits for a debugger that is still there when it ends: Playwright's must go. It waits for the end of the process's
        // output, too, which a helper process of Electron's may hold open.
        await Promise.race([app.close(), gone]);
      };
      await within(PATIENCE_MS, work(), complaint);
      openApps.delete(running);
      clean();
    },
    kill: async () => {
      app.process().kill('SIGKILL');
      await gone;
      openApps.delete(running);
      clean();
    },
  };
  openApps.add(running);
  return running;
}

/** What the executable is started with. */
export function appArguments(): string[] {
  return [
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    '--lang=en',
    // A packaged app knows its own folder.
    ...(process.env.FORJA_APP_IS_PACKAGED === '1' ? [] : [root]),
  ];
}

/** Playwright's own waiting knows no bound in some places. @throws Error `complaint` */
export async function within<T>(ms: number, work: Promise<T>, complaint: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(complaint())), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function processTree(): string {
  const { stdout } = spawnSync('ps', ['-eo', 'pid,ppid,stat,etime,args', '--forest'], { encoding: 'utf8' });
  return stdout || 'unknown: there is no ps';
}

/** Answers the next file dialogs with these paths, in turn; the last one stays. */
export async function answerOpenDialog(app: ElectronApplication, ...paths: string[]): Promise<void> {
  await app.evaluate(({ dialog }, given) => {
    const left = [...given];
    dialog.showOpenDialog = () => {
      const path = left.length > 1 ? left.shift()! : left[0]!;
      return Promise.resolve({ canceled: false, filePaths: [path] });
    };
  }, paths);
}

export async function answerSaveDialog(app: ElectronApplication, path: string): Promise<void> {
  await app.evaluate(({ dialog }, filePath) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath });
  }, path);
}

/** Answers questions with the button of this index. */
export async function answerMessageBox(app: ElectronApplication, response: number): Promise<void> {
  await app.evaluate(({ dialog }, index) => {
    dialog.showMessageBox = () => Promise.resolve({ response: index, checkboxChecked: false });
  }, response);
}
