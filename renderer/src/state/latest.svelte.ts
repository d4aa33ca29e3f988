/**
 * A value that is asked for again and again: the answer to an older question never replaces that to a newer one. While a new
 * answer is on its way the last one stays, marked as stale.
 */
export class Latest<Value> {
  #value = $state.raw<Value | null>(null);
  #error = $state.raw<unknown>(null);
  #isBusy = $state(false);
  #asked = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  get value(): Value | null {
    return this.#value;
  }

  /** Why the last question had no answer; null when it had one. */
  get error(): unknown {
    return this.#error;
  }

  /** An answer is on its way, and `value` is that to an older question. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /**
   * Asks.
   *
   * @param question called after `delay_ms` without another question
   * @param then told of the answer, if it is taken
   */
  ask(question: () => Promise<Value>, delay_ms = 0, then?: (value: Value) => void): void {
    const number = (this.#asked += 1);
    this.#isBusy = true;
    clearTimeout(this.#timer);
    const run = async () => {
      try {
        const value = await question();
        if (number !== this.#asked) return;
        this.#value = value;
        this.#error = null;
        this.#isBusy = false;
        then?.(value);
      } catch (error) {
        if (number !== this.#asked) return;
        this.#value = null;
        this.#error = error;
        this.#isBusy = false;
      }
    };
    if (delay_ms === 0) void run();
    else this.#timer = setTimeout(() => void run(), delay_ms);
  }

  /** Replaces the value by hand, as when more of it was loaded; an answer on its way is dropped. */
  set(value: Value): void {
    this.clear();
    this.#value = value;
  }

  /** Forgets all, and what is on its way. */
  clear(): void {
    this.#asked += 1;
    clearTimeout(this.#timer);
    this.#value = null;
    this.#error = null;
    this.#isBusy = false;
  }
}
