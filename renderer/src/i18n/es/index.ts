import type { Messages } from '../i18n.svelte.ts';
import { common } from './common.ts';
import { errors } from './errors.ts';
import { evaluation } from './evaluation.ts';
import { exportPage } from './export.ts';
import { nav } from './nav.ts';
import { newRun } from './new-run.ts';
import { runPage } from './run-page.ts';
import { queue } from './queue.ts';
import { playground } from './playground.ts';
import { runWords } from './run-words.ts';
import { runsPage } from './runs-page.ts';
import { settingTexts } from './setting-texts.ts';
import { settingsPage } from './settings-page.ts';
import { start } from './start.ts';

/** Todos los textos en español. Tuteo; ajuste fino, adaptador, pasos, pérdida, punto de control, conjunto de datos. */
export const es: Messages = {
  common,
  nav,
  errors,
  newRun,
  runPage,
  runWords,
  runsPage,
  settingTexts,
  settingsPage,
  start,
  queue,
  playground,
  exportPage,
  evaluation,
};
