import { describeError } from '../i18n/describe-error.ts';
import { i18n } from '../i18n/i18n.svelte.ts';

export type ToastTone = 'info' | 'success' | 'warning' | 'danger';

export interface Toast {
  id: number;
  tone: ToastTone;
  title: string;
  text?: string;
  action?: { label: string; run: () => void };
}

/** How long a toast that needs no answer stays, in ms. Errors stay until they are closed. */
const SHOWN_MS = 6000;

/** Short messages at the edge of the window, for what happened elsewhere. */
class Toasts {
  #toasts = $state<Toast[]>([]);
  #lastId = 0;

  get all(): readonly Toast[] {
    return this.#toasts;
  }

  show(toast: Omit<Toast, 'id'>): number {
    const id = (this.#lastId += 1);
    this.#toasts.push({ ...toast, id });
    if (toast.tone !== 'danger' && toast.action === undefined) setTimeout(() => this.close(id), SHOWN_MS);
    return id;
  }

  /** Tells of an error, under a title that says what failed, or else under its own message. */
  tell(error: unknown, title?: string, action?: Toast['action']): number {
    const { message, hint } = describeError(error, i18n.t);
    return this.show({
      tone: 'danger',
      title: title ?? message,
      text: title === undefined ? hint : `${message} ${hint}`.trim(),
      ...(action === undefined ? {} : { action }),
    });
  }

  close(id: number): void {
    this.#toasts = this.#toasts.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
