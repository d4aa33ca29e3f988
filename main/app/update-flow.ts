/** Where new versions come from; main/app/update-feed.ts gives electron-updater, tests their own. */
export interface UpdateFeed {
  /** Asks the release address. @returns the newer version, or null when this one is the newest */
  newer(): Promise<{ version: string } | null>;
  /** Fetches what `newer` told of, and checks it. */
  download(): Promise<void>;
  /** Quits and starts the new version. */
  install(): void;
}

export interface UpdateTexts {
  update_none: (version: string) => string;
  update_found: (version: string) => string;
  update_found_detail: string;
  update_download: string;
  update_ready: (version: string) => string;
  update_ready_detail: string;
  update_restart: string;
  update_later: string;
  update_failed: string;
  update_failed_detail: (reason: string) => string;
}

export interface UpdateDialogs {
  tell(message: string, detail: string): Promise<void>;
  /** @returns whether it was accepted */
  ask(message: string, detail: string, accept: string, decline: string): Promise<boolean>;
}

/**
 * Looks for a new version when the person asks, and at no other time: nothing is asked of the network before, and nothing is
 * fetched or installed without a yes. Asked again while it works, it does nothing.
 */
export class UpdateFlow {
  private readonly feed: UpdateFeed;
  private readonly dialogs: UpdateDialogs;
  private readonly texts: () => UpdateTexts;
  private readonly version: string;
  private isBusy = false;

  constructor(feed: UpdateFeed, dialogs: UpdateDialogs, texts: () => UpdateTexts, version: string) {
    this.feed = feed;
    this.dialogs = dialogs;
    this.texts = texts;
    this.version = version;
  }

  /** Never rejects: what goes wrong is told. */
  async check(): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      await this.steps();
    } catch (error) {
      const { update_failed, update_failed_detail } = this.texts();
      // electron-updater's messages go on with headers and stack traces.
      const reason = (error instanceof Error ? error.message : String(error)).split('\n')[0]!.slice(0, 200);
      await this.dialogs.tell(update_failed, update_failed_detail(reason));
    } finally {
      this.isBusy = false;
    }
  }

  private async steps(): Promise<void> {
    const texts = this.texts();
    const found = await this.feed.newer();
    if (found === null) {
      await this.dialogs.tell(texts.update_none(this.version), '');
      return;
    }
    const { version } = found;
    const { update_found, update_found_detail, update_download, update_later } = texts;
    if (!(await this.dialogs.ask(update_found(version), update_found_detail, update_download, update_later))) return;
    await this.feed.download();
    const { update_ready, update_ready_detail, update_restart } = texts;
    if (await this.dialogs.ask(update_ready(version), update_ready_detail, update_restart, update_later))
      this.feed.install();
  }
}
