import type { AppSettings } from '../../../main/contracts/ipc.ts';
import { call } from '../api/bridge.svelte.ts';
import { i18n, systemLocale } from '../i18n/i18n.svelte.ts';
import { theme } from './theme.svelte.ts';

/** The app's own settings. `load` comes before anything is drawn, so that no screen shows in the wrong language. */
class SettingsState {
  #current = $state<AppSettings | null>(null);

  /** @throws Error when read before `load` */
  get current(): AppSettings {
    if (this.#current === null) throw new Error('The settings were read before they were loaded.');
    return this.#current;
  }

  async load(): Promise<void> {
    this.#take(await call('settings.get'));
  }

  /**
   * Changes some settings.
   *
   * @throws ApiError when one is not valid; nothing is changed then
   */
  async change(some: Partial<AppSettings>): Promise<void> {
    this.#take(await call('settings.set', some));
  }

  #take(settings: AppSettings): void {
    this.#current = settings;
    i18n.use(settings.language === 'system' ? systemLocale() : settings.language);
    theme.choose(settings.theme);
  }
}

export const settings = new SettingsState();
