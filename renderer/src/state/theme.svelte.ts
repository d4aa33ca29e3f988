export type ThemeChoice = 'system' | 'light' | 'dark';
export type Theme = 'light' | 'dark';

const darkSystem = () => window.matchMedia('(prefers-color-scheme: dark)');

/** Light or dark: what the person chose, or what the system has. Charts read `current` to draw themselves anew. */
class ThemeState {
  #choice = $state<ThemeChoice>('system');
  #systemIsDark = $state(false);
  readonly #current = $derived<Theme>(
    this.#choice === 'system' ? (this.#systemIsDark ? 'dark' : 'light') : this.#choice,
  );

  get choice(): ThemeChoice {
    return this.#choice;
  }

  get current(): Theme {
    return this.#current;
  }

  /** Follows the system; returns what undoes that. */
  start(): () => void {
    const media = darkSystem();
    const follow = () => {
      this.#systemIsDark = media.matches;
      this.#apply();
    };
    follow();
    media.addEventListener('change', follow);
    return () => media.removeEventListener('change', follow);
  }

  choose(choice: ThemeChoice): void {
    this.#choice = choice;
    this.#apply();
  }

  #apply(): void {
    document.documentElement.dataset['theme'] = this.#current;
  }
}

export const theme = new ThemeState();
