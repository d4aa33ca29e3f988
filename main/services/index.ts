/**
 * What the app's screens ask for, with no window: everything but dialogs and the app itself.
 *
 *   const core = openCore({ db, emit, settings });
 *   const interrupted = core.queue.start();
 *   register({ ...core.handlers, ...dialogs });
 *   await core.close();
 */
import { existsSync } from 'node:fs';
import type { IpcHandlers, RecentModel } from '../contracts/ipc.ts';
import { listSettings } from '../contracts/setting-list.ts';
import { PRESETS } from '../domain/presets.ts';
import { ModelCatalogue } from '../models/index.ts';
import type { ServiceContext } from './context.ts';
import { DatasetService } from './dataset-service.ts';
import { EstimateService } from './estimate-service.ts';
import { EvaluationService } from './evaluation-service.ts';
import { ExportService } from './export-service.ts';
import { RunLibrary } from './run-library.ts';
import { RunQueue } from './run-queue.ts';

export type { ServiceContext } from './context.ts';
export { RunQueue } from './run-queue.ts';

/** The channels that are answered here. */
export type CoreChannel = Extract<
  keyof IpcHandlers,
  | `models.${'inspect' | 'recent'}`
  | `datasets.${string}`
  | `estimates.${string}`
  | `presets.${string}`
  | `runs.${string}`
  | `queue.${string}`
  | `exports.${string}`
  | `evaluations.${'start' | 'stop' | 'list' | 'rows'}`
>;

/** The services of an open database. */
export interface Core {
  queue: RunQueue;
  models: ModelCatalogue;
  evaluations: EvaluationService;
  handlers: Pick<IpcHandlers, CoreChannel>;
  /**
   * Stops the active run with a checkpoint and waits for it, as long as RunQueue.close does, and for exports that are under way.
   * @returns whether the active run has ended
   */
  close(): Promise<boolean>;
}

/** How many models are remembered for a new run. */
const RECENT_MODELS = 20;

export function openCore(context: ServiceContext): Core {
  const models = new ModelCatalogue();
  const queue = new RunQueue(context);
  const library = new RunLibrary(context, queue);
  const datasets = new DatasetService(models);
  const estimates = new EstimateService(context, models);
  const exports = new ExportService(context, queue, models);
  const evaluations = new EvaluationService(context, queue);
  return {
    queue,
    models,
    evaluations,
    handlers: {
      'models.inspect': async ({ path }) => (await models.open(path)).info,
      'models.recent': () => recentModels(context),
      'datasets.inspect': (request) => datasets.inspect(request),
      'datasets.preview': (request) => datasets.preview(request),
      'estimates.plan': (request) => estimates.plan(request),
      'presets.list': () => ({ presets: [...PRESETS], settings: listSettings() }),
      'runs.create': (request) => queue.create(request),
      'runs.list': () => queue.summaries(),
      'runs.get': ({ run_id }) => library.get(run_id),
      'runs.metrics': ({ run_id, max_points }) => library.metrics(run_id, max_points),
      'runs.log': ({ run_id, limit }) => library.log(run_id, limit),
      'runs.examples': ({ run_id, limit }) => library.examples(run_id, limit),
      'runs.update': (request) => library.update(request),
      'runs.delete': ({ run_id, delete_files }) => library.delete(run_id, delete_files),
      'runs.deleteCheckpoint': ({ run_id, checkpoint }) => library.deleteCheckpoint(run_id, checkpoint),
      'runs.pause': ({ run_id }) => queue.command(run_id, 'pause'),
      'runs.resume': ({ run_id }) => queue.command(run_id, 'resume'),
      'runs.stop': ({ run_id }) => queue.command(run_id, 'stop'),
      'runs.checkpoint': ({ run_id }) => queue.command(run_id, 'checkpoint'),
      'runs.continue': ({ run_id }) => queue.continue(run_id),
      'queue.list': () => queue.state(),
      'queue.reorder': ({ run_ids }) => queue.reorder(run_ids),
      'queue.remove': ({ run_id }) => queue.remove(run_id),
      'exports.types': ({ run_id }) => exports.types(run_id),
      'exports.start': (request) => exports.start(request),
      'exports.cancel': ({ export_id }) => exports.cancel(export_id),
      'exports.skipCheck': ({ export_id }) => exports.skipCheck(export_id),
      'exports.about': ({ run_id }) => exports.about(run_id),
      'exports.list': ({ run_id }) => exports.list(run_id),
      'evaluations.start': (request) => evaluations.start(request),
      'evaluations.stop': ({ run_id }) => evaluations.stop(run_id),
      'evaluations.list': ({ run_id }) => evaluations.list(run_id),
      'evaluations.rows': (request) => evaluations.rows(request),
    },
    close: async () => {
      datasets.close();
      const [ended] = await Promise.all([queue.close(), exports.close(), evaluations.close()]);
      return ended;
    },
  };
}

function recentModels({ db }: ServiceContext): RecentModel[] {
  return db.models
    .recent(RECENT_MODELS)
    .map(({ path, name, architecture, base_type, n_params, file_size_bytes, seen_ms }) => ({
      path,
      name,
      architecture,
      base_type,
      n_params,
      file_size_bytes,
      seen_ms,
      exists: existsSync(path),
    }));
}
