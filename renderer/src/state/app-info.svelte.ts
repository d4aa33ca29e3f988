import type { IpcResponse } from '../../../main/contracts/ipc.ts';
import { call } from '../api/bridge.svelte.ts';

export type AppInfo = IpcResponse<'app.info'>;

/** What the app is and where its data lie; loaded once, at the start. */
class AppInfoState {
  #current = $state<AppInfo | null>(null);

  get current(): AppInfo | null {
    return this.#current;
  }

  async load(): Promise<void> {
    this.#current = await call('app.info');
  }
}

export const appInfo = new AppInfoState();
