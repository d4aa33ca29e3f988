import { expect, test } from 'vitest';
import { DEFAULT_SIZE, placeWindow, readWindowState } from './window-state.ts';

const screen = { x: 0, y: 0, width: 1920, height: 1080 };
const bounds = { x: 100, y: 80, width: 1000, height: 700 };

test('the first window, and one whose state cannot be read, has the default size', () => {
  for (const stored of [undefined, null, 'x', { bounds: { x: 0 } }, { bounds: { ...bounds, width: 5 } }]) {
    expect(placeWindow(readWindowState(stored), [screen])).toEqual(DEFAULT_SIZE);
  }
});

test('a window comes back to its place while its screen is there', () => {
  const state = readWindowState({ bounds, is_maximized: true });
  expect(state.is_maximized).toBe(true);
  expect(placeWindow(state, [screen])).toEqual(bounds);
  const gone = readWindowState({ bounds: { ...bounds, x: 4000 } });
  expect(placeWindow(gone, [screen])).toEqual({ width: 1000, height: 700 });
});
