/** What Forja remembers: models, datasets, runs and what they reported, exports. */
export { databasePath, openDb, type ForjaDb } from './connection.ts';
export { dataDir } from './location.ts';
export type { CheckpointRow, StepRow, ValidationRow } from './stores/metrics.ts';
export type { LogRow } from './stores/logs.ts';
export type { ModelRow } from './stores/models.ts';
export type { SampleRow } from './stores/samples.ts';
export type { ExportRow } from './stores/exports.ts';
export type { NewRun, RunChange, RunRow, RunStatus } from './stores/runs.ts';
