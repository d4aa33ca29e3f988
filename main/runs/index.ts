/**
 * Runs: from a request to a tuned adapter in a folder that holds all that is needed to go on, to chat and to export.
 *
 *   const prepared = await prepareRun(request, db);
 *   const running = startRun(prepared, null, db, { onEvent });
 *   const result = await running.finished;
 */
export { newRunId, prepareRun, type PreparedRun, type PrepareHooks, type RunRequest } from './prepare-run.ts';
export { exportRows } from './export-rows.ts';
export { reopenRun, type ReopenedRun, type ResumeChanges } from './reopen-run.ts';
export { isLoadable, liveModel, type LiveModel } from './live-model.ts';
export { readHeldOut } from './earlier-run.ts';
export { RunLock } from './run-lock.ts';
export { RunFolder, writeWhole, type Checkpoint } from './run-folder.ts';
export { startRun, type RunningRun, type StartHooks } from './start-run.ts';
export { rowCacheDir, tokenizerOf } from './tokenizer.ts';
