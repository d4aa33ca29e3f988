import type { Rectangle } from 'electron';

/** How the window was left. */
export interface WindowState {
  bounds: Rectangle | null;
  is_maximized: boolean;
}

export const DEFAULT_SIZE = { width: 1280, height: 800 };
export const MINIMUM_SIZE = { width: 720, height: 520 };

/** The kept state, if it can be used; else that of a first launch. */
export function readWindowState(stored: unknown): WindowState {
  const { bounds, is_maximized } = (
    typeof stored === 'object' && stored !== null ? stored : {}
  ) as Partial<WindowState>;
  const isUsable =
    typeof bounds === 'object' &&
    bounds !== null &&
    [bounds.x, bounds.y, bounds.width, bounds.height].every((value) => Number.isFinite(value)) &&
    bounds.width >= MINIMUM_SIZE.width &&
    bounds.height >= MINIMUM_SIZE.height;
  return { bounds: isUsable ? bounds : null, is_maximized: is_maximized === true };
}

/**
 * Where to open the window: its last place when enough of it lies on a screen that is still there, else only its size.
 * @param screens the work areas of the screens
 */
export function placeWindow(state: WindowState, screens: readonly Rectangle[]): Partial<Rectangle> {
  const { bounds } = state;
  if (bounds === null) return DEFAULT_SIZE;
  const isSeen = screens.some((area) => {
    const width = Math.min(bounds.x + bounds.width, area.x + area.width) - Math.max(bounds.x, area.x);
    const height = Math.min(bounds.y + bounds.height, area.y + area.height) - Math.max(bounds.y, area.y);
    return width >= 200 && height >= 100;
  });
  return isSeen ? bounds : { width: bounds.width, height: bounds.height };
}
