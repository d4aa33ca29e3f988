import { describe, expect, it, vi } from 'vitest';
import { Latest } from './latest.svelte.ts';

/** A promise that is settled from outside. */
function deferred<Value>() {
  let resolve!: (value: Value) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<Value>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

describe('Latest', () => {
  it('keeps the answer to the newest question, whatever order they come in', async () => {
    const latest = new Latest<string>();
    const first = deferred<string>();
    const second = deferred<string>();
    latest.ask(() => first.promise);
    latest.ask(() => second.promise);
    second.resolve('new');
    await settled();
    first.resolve('old');
    await settled();
    expect(latest.value).toBe('new');
    expect(latest.isBusy).toBe(false);
  });

  it('keeps the old value while it waits, and drops it for an error', async () => {
    const latest = new Latest<string>();
    latest.set('old');
    const next = deferred<string>();
    latest.ask(() => next.promise);
    expect([latest.value, latest.isBusy]).toEqual(['old', true]);
    next.reject(new Error('no'));
    await settled();
    expect(latest.value).toBeNull();
    expect(latest.error).toEqual(new Error('no'));
  });

  it('waits until the questions pause', () => {
    vi.useFakeTimers();
    try {
      const latest = new Latest<number>();
      const question = vi.fn(() => Promise.resolve(1));
      latest.ask(question, 100);
      vi.advanceTimersByTime(60);
      latest.ask(question, 100);
      vi.advanceTimersByTime(60);
      expect(question).not.toHaveBeenCalled();
      vi.advanceTimersByTime(60);
      expect(question).toHaveBeenCalledTimes(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it('drops what is on its way when it is cleared', async () => {
    const latest = new Latest<string>();
    latest.ask(() => Promise.resolve('late'));
    latest.clear();
    await settled();
    expect(latest.value).toBeNull();
    expect(latest.isBusy).toBe(false);
  });
});
