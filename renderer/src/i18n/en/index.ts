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

/** All English texts, a file a page; the other languages have the same keys. */
export const en = {
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
