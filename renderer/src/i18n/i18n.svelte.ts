import { en } from './en/index.ts';
import { es } from './es/index.ts';
import { createFormat, type Format, type Locale } from './format.ts';

/** The English texts are the model: a language that lacks one of them does not compile. */
export type Messages = typeof en;

const dictionaries: Record<Locale, Messages> = { en, es };
const formats: Record<Locale, Format> = { en: createFormat('en'), es: createFormat('es') };

/** The language that the screens are in; reading `t` or `format` in a component follows it. */
class I18n {
  #locale = $state<Locale>('en');

  get locale(): Locale {
    return this.#locale;
  }

  /** All texts, by page. */
  get t(): Messages {
    return dictionaries[this.#locale];
  }

  get format(): Format {
    return formats[this.#locale];
  }

  /** Changes the language of all screens, and tells the browser, for screen readers and hyphens. */
  use(locale: Locale): void {
    this.#locale = locale;
    document.documentElement.lang = locale;
  }
}

export const i18n = new I18n();

/** The language of the system, if Forja speaks it, else English. */
export function systemLocale(languages: readonly string[] = navigator.languages): Locale {
  const spoken = languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in dictionaries);
  return (spoken as Locale | undefined) ?? 'en';
}
