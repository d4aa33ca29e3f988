import { app, Notification, powerSaveBlocker, type BrowserWindow } from 'electron';
import type { AppSettings, RunSummary } from '../contracts/ipc.ts';
import type { Texts } from './texts.ts';

/** What the desktop shows of the runs: a machine kept awake, progress on taskbar or dock, a notification at the end. */
export class RunWatch {
  private readonly window: () => BrowserWindow | null;
  private readonly settings: () => AppSettings;
  private readonly texts: () => Texts;
  private readonly show: () => void;
  private active: RunSummary | null = null;
  private blocker: number | null = null;

  constructor(window: () => BrowserWindow | null, settings: () => AppSettings, texts: () => Texts, show: () => void) {
    this.window = window;
    this.settings = settings;
    this.texts = texts;
    this.show = show;
  }

  note(run: RunSummary): void {
    const isActive = run.phase !== null;
    if (isActive) this.active = run;
    else if (this.active?.id === run.id) {
      this.active = null;
      this.tellEnd(run);
    }
    this.keepAwake(this.active !== null && this.settings().keep_awake);
    this.showProgress();
  }

  /** Lets the machine sleep again. */
  end(): void {
    this.keepAwake(false);
  }

  private showProgress(): void {
    const window = this.window();
    if (window === null || window.isDestroyed()) return;
    const { active } = this;
    if (active === null) {
      window.setProgressBar(-1);
      return;
    }
    const share = active.total_steps === null || active.total_steps === 0 ? null : active.steps / active.total_steps;
    // Above 1 the bar is indeterminate.
    window.setProgressBar(share ?? 2, { mode: active.is_paused ? 'paused' : 'normal' });
  }

  private keepAwake(wanted: boolean): void {
    if (wanted && this.blocker === null) this.blocker = powerSaveBlocker.start('prevent-app-suspension');
    if (!wanted && this.blocker !== null) {
      powerSaveBlocker.stop(this.blocker);
      this.blocker = null;
    }
  }

  private tellEnd({ status, name, error }: RunSummary): void {
    if (!this.settings().notify_when_done || !Notification.isSupported()) return;
    const texts = this.texts();
    const title =
      status === 'completed'
        ? texts.run_completed(name)
        : status === 'failed'
          ? texts.run_failed(name)
          : texts.run_stopped(name);
    const notification = new Notification({ title, body: error?.message ?? '' });
    notification.on('click', () => this.show());
    notification.show();
    app.dock?.bounce('informational');
  }
}
