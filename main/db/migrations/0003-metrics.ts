import type { Migration } from './index.ts';

/** The figures of an objective, by name: any number of them, so that a new curve needs no new column. */
export const migration0003: Migration = {
  version: 3,
  name: 'metrics',
  sql: `
    ALTER TABLE steps ADD COLUMN metrics TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metrics));
    ALTER TABLE validations ADD COLUMN metrics TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metrics));
  `,
};
