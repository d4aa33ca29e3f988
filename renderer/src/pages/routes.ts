import type { Component } from 'svelte';
import type { IconName } from '../components/Icon.svelte';
import type { Messages } from '../i18n/i18n.svelte.ts';
import { matchPath } from '../state/router.svelte.ts';
import Export from './export/Export.svelte';
import NewRun from './new-run/NewRun.svelte';
import Run from './run/Run.svelte';
import Queue from './queue/Queue.svelte';
import Playground from './playground/Playground.svelte';
import Compare from './runs/Compare.svelte';
import Runs from './runs/Runs.svelte';
import Settings from './settings/Settings.svelte';
import Start from './start/Start.svelte';

/** A screen. Those with `nav` stand in the sidebar, in this order. */
export interface Route {
  /** Parts that begin with a colon are given to the screen as `params`. */
  pattern: string;
  page: Component<{ params: Record<string, string> }> | Component<Record<string, never>>;
  nav?: { icon: IconName; label: (t: Messages) => string };
}

export const routes: readonly Route[] = [
  { pattern: '/', page: Start, nav: { icon: 'home', label: (t) => t.nav.start } },
  { pattern: '/new', page: NewRun, nav: { icon: 'plus', label: (t) => t.nav.newRun } },
  { pattern: '/runs', page: Runs, nav: { icon: 'runs', label: (t) => t.nav.runs } },
  { pattern: '/runs/compare', page: Compare },
  { pattern: '/runs/:id', page: Run },
  { pattern: '/queue', page: Queue, nav: { icon: 'queue', label: (t) => t.nav.queue } },
  { pattern: '/playground', page: Playground, nav: { icon: 'chat', label: (t) => t.nav.playground } },
  { pattern: '/export', page: Export, nav: { icon: 'export', label: (t) => t.nav.exportPage } },
  { pattern: '/settings', page: Settings, nav: { icon: 'settings', label: (t) => t.nav.settings } },
];

/** The screen of a path; the start screen for a path that there is none for. */
export function findRoute(path: string): { route: Route; params: Record<string, string> } {
  for (const route of routes) {
    const params = matchPath(route.pattern, path);
    if (params !== null) return { route, params };
  }
  return { route: routes[0]!, params: {} };
}
