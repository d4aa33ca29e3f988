import { migration0001 } from './0001-runs.ts';
import { migration0002 } from './0002-library.ts';
import { migration0003 } from './0003-metrics.ts';

/** One numbered change of the database's shape. A migration that was released is never edited. */
export interface Migration {
  /** 1, 2, 3 … with no gap. */
  version: number;
  name: string;
  sql: string;
}

export const MIGRATIONS: readonly Migration[] = [migration0001, migration0002, migration0003];
