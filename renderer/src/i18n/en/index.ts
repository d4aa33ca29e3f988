import { common } from './common.ts';
import { errors } from './errors.ts';
import { nav } from './nav.ts';
import { runWords } from './run-words.ts';
import { start } from './start.ts';

/** All English texts, a file a page; the other languages have the same keys. */
export const en = { common, nav, errors, runWords, start };
