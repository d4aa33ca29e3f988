import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { throttle } from './throttle.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('the first call comes at once, the others together and late', () => {
  const work = vi.fn();
  const call = throttle(work, 100);
  for (let at = 0; at < 50; at++) call();
  expect(work).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(100);
  expect(work).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(1000);
  expect(work).toHaveBeenCalledTimes(2);
});

test('what is due can be done now, or be forgotten', () => {
  const work = vi.fn();
  const call = throttle(work, 100);
  call();
  call();
  call.now();
  expect(work).toHaveBeenCalledTimes(2);
  call();
  call.cancel();
  vi.advanceTimersByTime(1000);
  expect(work).toHaveBeenCalledTimes(2);
});
