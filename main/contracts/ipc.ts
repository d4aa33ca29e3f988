/**
 * Everything that the window and the main process say to each other: one object channel → request and response, one event map.
 * What they say it with is in shapes/, a file a subject. Types are inferred from the schemas. A call answers `Answer`; handlers
 * throw, and main/ipc turns that into an answer.
 *
 * Losses are nats per supervised token. Sizes are bytes (`_bytes`), times milliseconds (`_ms`), shares 0 to 1 (`_share`).
 */
import { z } from 'zod';
import type { ChannelName, EventName } from './channels.ts';
import type { StepData, ValidationData } from './protocol-types.ts';
import {
  type IpcError,
  checkedByProtocol,
  count,
  device,
  errorReport,
  nothing,
  oneRun,
  path,
  runId,
  share,
  someTrainSettings,
} from './shapes/parts.ts';
import { DOCTOR_CODES, appSettings, picked } from './shapes/app.ts';
import { FETCH_SOURCES, modelInfo, recentModel } from './shapes/models.ts';
import { datasetChoices, datasetReport, objectiveChoice, example, previewRow } from './shapes/datasets.ts';
import { plan, preset, settingInfo } from './shapes/estimates.ts';
import {
  checkpointChoice,
  logEntry,
  metricSeries,
  queueState,
  runDetail,
  runRequest,
  runSample,
  runSummary,
  validationSeries,
} from './shapes/runs.ts';
import { adapterSource, askId, loadedWeights, sampling, voice } from './shapes/chat.ts';
import {
  evaluationProgress,
  evaluationRow,
  evaluationSummary,
  FIGURES,
  METRICS,
  REPORT_FORMATS,
  ROW_FILTERS,
} from './shapes/evaluation.ts';
import { EXPORT_FORMATS, EXPORT_TYPES, exportId, exportOutcome, exportRecord, triedType } from './shapes/exports.ts';

export { type TrainSettings } from './protocol-types.ts';
export { type Device, type IpcError, errorReport } from './shapes/parts.ts';
export { type AppSettings, DOCTOR_CODES, LANGUAGES, THEMES, appSettings } from './shapes/app.ts';
export { FETCH_SOURCES, type ModelInfo, type RecentModel } from './shapes/models.ts';
export {
  COLUMN_PARTS,
  type DatasetChoices,
  type DatasetReport,
  type PreviewRow,
  ROW_FORMATS,
  TEMPLATES,
} from './shapes/datasets.ts';
export { PRESET_GROUPS, type Plan, type Preset, type SettingInfo, type SettingWarning } from './shapes/estimates.ts';
export {
  type CheckpointChoice,
  type LogEntry,
  type MetricSeries,
  type NewRunRequest,
  type QueueState,
  RUN_PHASES,
  type RunCheckpoint,
  type RunDetail,
  type RunPhase,
  type RunSample,
  type RunSummary,
  type RunVerdict,
  type SamplePrompt,
  type ValidationSeries,
  checkpointChoice,
} from './shapes/runs.ts';
export {
  type EvaluationProgress,
  type EvaluationRow,
  type EvaluationSummary,
  type Figure,
  type FigureName,
  METRICS,
  type Metric,
  REPORT_FORMATS,
  type ReportFormat,
  ROW_FILTERS,
  type RowFilter,
} from './shapes/evaluation.ts';
export { type AdapterSource, type ChatSampling, type LoadedWeights } from './shapes/chat.ts';
export {
  type AnswersCheck,
  EXPORT_FORMATS,
  EXPORT_TYPES,
  type ExportCheckResult,
  type ExportFormat,
  type ExportOutcomeData,
  type ExportRecord,
  type ExportType,
  type TriedType,
} from './shapes/exports.ts';

/** Every call of the window, with what it gives and gets. */
export const ipc = {
  'app.info': {
    request: nothing,
    response: z.object({
      version: z.string(),
      electron_version: z.string(),
      chrome_version: z.string(),
      node_version: z.string(),
      platform: z.string(),
      arch: z.string(),
      /** The system's language, e.g. `es-AR`. */
      locale: z.string(),
      is_dark: z.boolean(),
      is_packaged: z.boolean(),
      /** A release address is set, so that one may look for updates. */
      can_update: z.boolean(),
      data_dir: path,
      cache_dir: path,
      sample: z.object({ name: z.string(), size_bytes: z.number(), is_fetched: z.boolean() }),
      /** A .gguf that the app was opened with; told once. */
      opened_model_path: path.nullable(),
    }),
  },
  /** Looks at everything that Forja needs; takes a second or two. */
  'app.doctor': {
    request: nothing,
    response: z.object({
      findings: z.array(
        z.object({
          code: z.enum(DOCTOR_CODES),
          ok: z.boolean(),
          optional: z.boolean(),
          /** What was found, for the screens' sentences. */
          details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
          /** What is wrong; null where nothing is. */
          error: errorReport.nullable(),
        }),
      ),
      devices: z.array(device),
      /** All of it as text for a bug report. */
      report: z.string(),
    }),
  },
  /** Opens a text that lies on this machine; nothing remote. */
  'app.openExternalHelp': {
    request: z.object({ topic: z.enum(['guide', 'licences', 'data_folder']) }),
    response: z.object({ opened: z.boolean() }),
  },
  /** Looks for a newer version, telling what it finds in dialogs; nothing where no release address is set. */
  'app.checkForUpdates': { request: nothing, response: nothing },
  'settings.get': { request: nothing, response: appSettings },
  'settings.set': { request: appSettings.partial().strict(), response: appSettings },
  /** `path` is null when the person cancelled. What is picked may be read or written from then on. */
  'dialogs.openModel': { request: z.object({ purpose: z.enum(['base', 'chat', 'adapter']) }), response: picked },
  'dialogs.openDataset': { request: z.object({ purpose: z.enum(['train', 'validation']) }), response: picked },
  'dialogs.saveExport': {
    request: z.object({ format: z.enum(EXPORT_FORMATS), suggested_name: z.string().min(1).max(200) }),
    response: picked,
  },
  'dialogs.chooseFolder': { request: z.object({ purpose: z.enum(['runs', 'exports']) }), response: picked },
  'dialogs.showInFolder': { request: z.object({ path }), response: nothing },
  /** Called by the preload script alone, with the path of a file that was really dropped. */
  'files.dropped': {
    request: z.object({ path }),
    response: z.object({ path, kind: z.enum(['model', 'dataset', 'other']) }),
  },
  'models.inspect': { request: z.object({ path }), response: modelInfo },
  /** The newest first. */
  'models.recent': { request: nothing, response: z.array(recentModel) },
  /** Asks before it fetches; null when the person said no. Progress comes as app.fetching. */
  'models.fetchSample': {
    request: nothing,
    response: z.object({ model_path: path, data_path: path, val_path: path }).nullable(),
  },
  'datasets.inspect': {
    request: datasetChoices.extend({
      model_path: path,
      max_seq_len: z.int().min(1),
      text_overlap_tokens: z.int().min(0).default(0),
      split_seed: z.int().min(0),
      objective: objectiveChoice,
    }),
    response: datasetReport,
  },
  'datasets.preview': {
    request: datasetChoices.pick({ data_path: true, format: true, columns: true, template: true }).extend({
      model_path: path,
      max_seq_len: z.int().min(1),
      text_overlap_tokens: z.int().min(0).default(0),
      objective: objectiveChoice,
      /** Rows to leave out at the start. */
      offset: count,
      limit: z.int().min(1).max(100),
    }),
    response: z.object({ rows: z.array(previewRow), has_more: z.boolean() }),
  },
  'estimates.plan': {
    request: z.object({
      model_path: path,
      settings: someTrainSettings,
      /** From datasets.inspect, `val_rows` being all that are held out; null before there is one. */
      dataset: z
        .object({ rows: count, val_rows: count, tokens: count, supervised_tokens: count, max_tokens: count })
        .nullable(),
    }),
    response: plan,
  },
  'presets.list': {
    request: nothing,
    response: z.object({ presets: z.array(preset), settings: z.array(settingInfo) }),
  },
  /** Puts a run into the queue; it starts at once when nothing else runs. */
  'runs.create': { request: runRequest, response: runSummary },
  /** The newest first. */
  'runs.list': { request: nothing, response: z.array(runSummary) },
  'runs.get': { request: oneRun, response: runDetail },
  'runs.metrics': {
    request: z.object({ run_id: runId, max_points: z.int().min(2).max(20_000) }),
    response: z.object({
      run_id: runId,
      /** How many steps there are in all, of which `steps` may be a selection. */
      n_steps: count,
      steps: metricSeries,
      validations: validationSeries,
    }),
  },
  /** The last `limit` entries, the oldest first. */
  'runs.log': {
    request: z.object({ run_id: runId, limit: z.int().min(1).max(10_000) }),
    response: z.array(logEntry),
  },
  /** What some of its rows ask, to ask it again: those kept for validation where they are a file. None of plain text. */
  'runs.examples': {
    request: z.object({ run_id: runId, limit: z.int().min(1).max(20) }),
    response: z.array(example),
  },
  'runs.update': {
    request: z.object({
      run_id: runId,
      name: z.string().trim().min(1).max(200).optional(),
      tags: z.array(z.string().trim().min(1).max(40)).max(20).optional(),
      notes: z.string().max(20_000).optional(),
      starred: z.boolean().optional(),
    }),
    response: runSummary,
  },
  /** Refused for the active run. The screen has asked before. */
  'runs.delete': { request: z.object({ run_id: runId, delete_files: z.boolean() }), response: nothing },
  /** Refused for the active run. The screen has asked before. */
  'runs.deleteCheckpoint': {
    request: z.object({ run_id: runId, checkpoint: z.union([z.literal('best'), count]) }),
    response: nothing,
  },
  'runs.pause': { request: oneRun, response: nothing },
  'runs.resume': { request: oneRun, response: nothing },
  /** Writes a checkpoint and ends; runs.continue goes on from it. */
  'runs.stop': { request: oneRun, response: nothing },
  'runs.checkpoint': { request: oneRun, response: nothing },
  /** Queues a stopped, failed or interrupted run to go on from its last checkpoint. */
  'runs.continue': { request: oneRun, response: runSummary },
  'queue.list': { request: nothing, response: queueState },
  /** `run_ids`: all waiting runs, in the new order. */
  'queue.reorder': { request: z.object({ run_ids: z.array(runId).max(1000) }), response: queueState },
  /** Takes a waiting run out; it stays in the table as stopped. */
  'queue.remove': { request: oneRun, response: queueState },
  'chat.load': {
    request: z.object({
      /** By what name it is asked later; one of the same name is replaced. */
      voice,
      /** The model; null takes the base of the first adapter's run. */
      model_path: path.nullable(),
      adapters: z.array(adapterSource).max(8),
      n_ctx: z.int().min(128).max(131_072),
    }),
    response: z.object({ voice, weights: loadedWeights, context_tokens: count, load_ms: z.number() }),
  },
  /** Returns when it has begun; the answer comes as chat.token and chat.done. */
  'chat.ask': {
    request: z.object({
      ask_id: askId,
      voice,
      messages: z
        .array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string().max(200_000) }))
        .min(1)
        .max(200),
      sampling,
      max_tokens: z.int().min(1).max(32_768),
    }),
    response: nothing,
  },
  'chat.stop': { request: z.object({ ask_id: askId }), response: nothing },
  'chat.unload': { request: z.object({ voice }), response: nothing },
  'exports.types': {
    request: z.object({ run_id: runId }),
    response: z.array(
      z.object({
        output_type: z.enum(EXPORT_TYPES),
        output_bytes: z.number(),
        /** The base's own types. */
        is_same: z.boolean(),
      }),
    ),
  },
  /** Returns when it has begun; the end comes as export.done. */
  'exports.start': {
    request: z.object({
      run_id: runId,
      checkpoint: checkpointChoice,
      format: z.enum(EXPORT_FORMATS),
      output_type: z.enum(EXPORT_TYPES),
      output_path: path,
      /** The save dialog has asked. */
      overwrite: z.boolean(),
      check: z.boolean(),
    }),
    response: z.object({ export_id: exportId }),
  },
  /** Ends an export that is being written: nothing of it stays. Its end comes as export.done, cancelled. */
  'exports.cancel': { request: z.object({ export_id: exportId }), response: nothing },
  /** Ends the check of an export, which stays; its end comes as export.done. */
  'exports.skipCheck': { request: z.object({ export_id: exportId }), response: nothing },
  /** What an export of the run brings with it, and about how long its check takes. */
  'exports.about': {
    request: z.object({ run_id: runId }),
    response: z.object({ system_prompt: z.string().nullable(), compared_answers: count, check_ms: z.number() }),
  },
  /** Null: of all runs. The newest first. */
  'exports.list': { request: z.object({ run_id: runId.nullable() }), response: z.array(exportRecord) },
  /** Returns when it has begun; the end comes as evaluation.done. The same request goes on where one was stopped. */
  'evaluations.start': {
    request: z.object({
      run_id: runId,
      checkpoint: checkpointChoice,
      /** Null: the run's held-out rows. */
      data_path: path.nullable(),
      metrics: z.array(z.enum(METRICS)).min(1).max(METRICS.length),
      /** 0: all rows. */
      max_rows: count,
      max_tokens: z.int().min(1).max(32_768),
      pattern: z.string().min(1).max(2000).nullable(),
      tolerance: z.number().min(0),
    }),
    response: nothing,
  },
  'evaluations.stop': { request: oneRun, response: nothing },
  'evaluations.list': {
    request: oneRun,
    response: z.object({ running: evaluationProgress.nullable(), evaluations: z.array(evaluationSummary) }),
  },
  /** A page of rows, the worst first by a figure. */
  'evaluations.rows': {
    request: z.object({
      run_id: runId,
      key: evaluationSummary.shape.key,
      figure: z.enum(FIGURES),
      filter: z.enum(ROW_FILTERS),
      search: z.string().max(500),
      offset: count,
      limit: z.int().min(1).max(200),
    }),
    response: z.object({ total: count, rows: z.array(evaluationRow) }),
  },
  /** The file of general questions with options, by which one sees what a model forgot. */
  'evaluations.general': {
    request: z.object({ language: z.enum(['en', 'es']) }),
    response: z.object({ path }),
  },
  /** Asks where to, and writes it. Null when that was cancelled. */
  'evaluations.report': {
    request: z.object({ run_id: runId, key: evaluationSummary.shape.key, format: z.enum(REPORT_FORMATS) }),
    response: z.object({ path: path.nullable() }),
  },
} as const satisfies Record<ChannelName, { request: z.ZodType; response: z.ZodType }>;

/** Every event that the main process sends to the window. Progress comes at most ten times a second. */
export const ipcEvents = {
  'app.theme': z.object({ is_dark: z.boolean() }),
  /** A menu entry or shortcut asks for a screen: a route of the hash router, e.g. `/new`. */
  'app.navigate': z.object({ route: z.string() }),
  /** A .gguf was opened from the system. */
  'app.openFile': z.object({ path }),
  /** How the sample model's fetching goes. */
  'app.fetching': z.object({
    done: z.boolean(),
    source: z.enum(FETCH_SOURCES).nullable(),
    size_bytes: z.number(),
    /** Null where the source does not tell. */
    share: share.nullable(),
  }),
  'run.changed': runSummary,
  'run.removed': oneRun,
  /** New steps and validations since the last one. */
  'run.steps': z.object({
    run_id: runId,
    /** Steps after this one are void: the run went on from an earlier checkpoint. Null: nothing is void. */
    forget_after_step: count.nullable(),
    steps: z.array(checkedByProtocol<StepData & { time_ms: number }>()),
    validations: z.array(checkedByProtocol<ValidationData & { time_ms: number }>()),
  }),
  'run.log': z.object({ run_id: runId, entries: z.array(logEntry) }),
  'run.sample': z.object({ run_id: runId, sample: runSample }),
  'queue.changed': queueState,
  'chat.token': z.object({ ask_id: askId, voice, text: z.string() }),
  'chat.done': z.object({
    ask_id: askId,
    voice,
    weights: loadedWeights,
    /** Null when it failed. */
    result: z
      .object({
        text: z.string(),
        prompt_tokens: count,
        tokens: count,
        stop_reason: z.enum(['end', 'max_tokens', 'stopped']),
        duration_ms: z.number(),
      })
      .nullable(),
    error: errorReport.nullable(),
  }),
  /** The chat's process ended; every voice must be loaded again. */
  'chat.died': z.object({ error: errorReport }),
  'export.progress': z.object({
    export_id: exportId,
    run_id: runId,
    phase: z.string(),
    share: share.nullable(),
    /** Until the phase ends; null where that can't be said yet. */
    left_ms: z.number().nullable(),
    /** The trial of types as it stands. */
    types: z.array(triedType),
  }),
  /** What was exported can be used; its check has begun. */
  'export.ready': z.object({ export_id: exportId, run_id: runId, outcome: exportOutcome }),
  /** Neither outcome nor error: it was cancelled. */
  'export.done': z.object({
    export_id: exportId,
    run_id: runId,
    outcome: exportOutcome.nullable(),
    error: errorReport.nullable(),
  }),
  'evaluation.progress': evaluationProgress.extend({ run_id: runId }),
  /** `key` is null when it was stopped, or failed. */
  'evaluation.done': z.object({ run_id: runId, key: z.string().nullable(), error: errorReport.nullable() }),
} as const satisfies Record<EventName, z.ZodType>;

// Types

/** What a caller gives. */
export type IpcRequest<Channel extends ChannelName> = z.input<(typeof ipc)[Channel]['request']>;
/** What a handler gets, parsed. */
export type IpcParsedRequest<Channel extends ChannelName> = z.output<(typeof ipc)[Channel]['request']>;
export type IpcResponse<Channel extends ChannelName> = z.output<(typeof ipc)[Channel]['response']>;
export type IpcEvent<Name extends EventName> = z.output<(typeof ipcEvents)[Name]>;

/** One function a channel: what main/ipc registers, and what the core's services together are. */
export type IpcHandlers = {
  [Channel in ChannelName]: (
    request: IpcParsedRequest<Channel>,
  ) => OrNothing<IpcResponse<Channel>> | Promise<OrNothing<IpcResponse<Channel>>>;
};

/** A handler that answers nothing need not say so. */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type
type OrNothing<Response> = undefined extends Response ? Response | void : Response;

/** Sends an event to the window; the services take one and know nothing of windows. */
export type EmitEvent = <Name extends EventName>(name: Name, data: IpcEvent<Name>) => void;

export type Answer<Value> = { ok: true; value: Value } | { ok: false; error: IpcError };

/** What the preload script puts into the window as `window.forja`. */
export interface Bridge {
  invoke<Channel extends Exclude<ChannelName, 'files.dropped'>>(
    channel: Channel,
    request: IpcRequest<Channel>,
  ): Promise<Answer<IpcResponse<Channel>>>;
  /** @returns its unsubscribe */
  on<Name extends EventName>(name: Name, listener: (data: IpcEvent<Name>) => void): () => void;
  /** Registers a file that was dropped into the window or picked by an input of type file, so that it may be read. */
  dropped(file: unknown): Promise<Answer<IpcResponse<'files.dropped'>>>;
}
