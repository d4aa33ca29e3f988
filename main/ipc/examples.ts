/** One request and response of every channel, and one of every event: for tests of what crosses. */
import type { ChannelName, EventName } from '../contracts/channels.ts';
import type {
  DatasetReport,
  Device,
  ExportRecord,
  IpcEvent,
  IpcParsedRequest,
  IpcResponse,
  LoadedWeights,
  ModelInfo,
  RunDetail,
  RunSummary,
} from '../contracts/ipc.ts';

const device: Device = {
  name: 'cpu',
  description: 'A processor',
  type: 'cpu',
  backend: 'CPU',
  memory_total_bytes: 16e9,
  memory_free_bytes: 8e9,
};

const model: ModelInfo = {
  job: 'inspect',
  path: '/models/a.gguf',
  file_size_bytes: 100,
  files: ['/models/a.gguf'],
  architecture: 'llama',
  name: 'A',
  license: null,
  base_type: 'Q8_0',
  tensor_types: { Q8_0: 4 },
  n_params: 1000,
  n_layer: 2,
  n_embd: 8,
  n_head: 2,
  n_head_kv: 1,
  n_ff: 16,
  n_vocab: 32,
  n_ctx_train: 512,
  tied_head: true,
  chat_template: null,
  bos_token: '<s>',
  eos_token: '</s>',
  trainable: true,
  reason: null,
};

const choices = {
  data_path: '/data/rows.jsonl',
  val_path: null,
  val_share: 0.1,
  format: 'auto',
  columns: { instruction: 'task' },
  template: 'auto',
} as const;

const counts = {
  rows: 2,
  tokens: 20,
  supervised_tokens: 8,
  median_tokens: 10,
  p95_tokens: 12,
  max_tokens: 12,
  truncated_rows: 0,
  empty_rows: 0,
  length_histogram: [[16, 2]] as [number, number][],
};

const report: DatasetReport = {
  data: {
    path: '/data/rows.jsonl',
    kind: 'jsonl',
    format: 'alpaca',
    format_reason: 'It has instruction and output.',
    columns: { instruction: 'instruction' },
    size_bytes: 200,
    rows_read: 3,
    rows_used: 2,
    rows_refused: 1,
    refused_by_code: { invalid_json: 1 },
    refused_examples: [{ line: 2, code: 'invalid_json', message: 'Not JSON.' }],
    duplicate_rows: 0,
    duplicate_examples: [],
  },
  val_data: null,
  available_columns: ['instruction', 'output'],
  template: 'alpaca',
  template_reason: 'The model has none.',
  train: counts,
  val: null,
  warnings: [],
};

const run: RunSummary = {
  id: 'a1b2c3d4',
  name: 'First',
  out_dir: '/runs/first',
  status: 'training',
  phase: 'training',
  phase_share: 0.5,
  is_paused: false,
  queue_position: null,
  is_interrupted: false,
  can_continue: false,
  has_adapter: true,
  created_ms: 1,
  started_ms: 2,
  ended_ms: null,
  model_path: '/models/a.gguf',
  model_name: 'A',
  architecture: 'llama',
  base_type: 'Q8_0',
  dataset_path: '/data/rows.jsonl',
  total_steps: 10,
  steps: 5,
  train_loss: 1.5,
  val_loss: null,
  best_val_loss: null,
  tokens_per_second: 100,
  trainable_parameters: 64,
  peak_memory_bytes: 1e6,
  estimated_memory_bytes: 1.1e6,
  elapsed_ms: 100,
  eta_ms: 100,
  error: null,
  tags: ['tag'],
  notes: '',
  starred: false,
};

const record: ExportRecord = {
  id: 1,
  run_id: run.id,
  time_ms: 5,
  format: 'gguf',
  output_type: 'same',
  output_path: '/exports/a.gguf',
  output_bytes: 100,
  verdict: 'kept',
  base_loss: 2,
  tuned_loss: 1,
  export_loss: 1,
  mean_kl_divergence: 0,
  exists: true,
};

const { available_columns: _, ...dataset } = report;
const detail: RunDetail = {
  ...run,
  settings: { lora_rank: 8 },
  template: 'model',
  format: 'alpaca',
  val_path: null,
  val_share: 0.1,
  sample_prompts: ['Hi'],
  plan: null,
  split: null,
  dataset,
  checkpoints: [{ step: 5, reason: 'interval', path: '/runs/first/checkpoints/step-5', time_ms: 4, val_loss: null }],
  samples: [{ step: 5, time_ms: 4, prompt: 'Hi', text: 'Hello' }],
  exports: [record],
};

const queue = { active_run_id: run.id, waiting_run_ids: ['e5f6a7b8'] };
const weights: LoadedWeights = {
  model_path: '/models/a.gguf',
  model_name: 'A',
  adapters: [
    { path: '/runs/first/adapter.gguf', name: 'First', checkpoint: 'final', scale: 1 },
    { path: '/a.gguf', name: 'a.gguf', checkpoint: null, scale: 0.5 },
  ],
};
const entry = { seq: 1, time_ms: 3, level: 'warning', code: 'a_code', text: 'Text', details: { n: 1 } } as const;
const settings = {
  language: 'es',
  theme: 'dark',
  device: 'auto',
  threads: 0,
  runs_dir: '/runs',
  exports_dir: '/exports',
  checkpoints_kept: 3,
  notify_when_done: true,
  keep_awake: true,
  first_run_note_seen: false,
} as const;
const one = { run_id: run.id };
const picked = { path: '/models/a.gguf' };
const error = { code: 'chat_crashed', message: 'It ended.', hint: 'Load again.', details: {} };

export const EXAMPLES: {
  [Channel in ChannelName]: { request: IpcParsedRequest<Channel>; response: IpcResponse<Channel> };
} = {
  'app.info': {
    request: undefined,
    response: {
      version: '0.1.0',
      electron_version: '45.4.1',
      chrome_version: '150',
      node_version: '24',
      platform: 'linux',
      arch: 'x64',
      locale: 'en',
      is_dark: false,
      can_update: false,
      is_packaged: false,
      data_dir: '/data',
      cache_dir: '/cache',
      sample: { name: 'SmolLM2', size_bytes: 98e6, is_fetched: true },
      opened_model_path: null,
    },
  },
  'app.doctor': {
    request: undefined,
    response: {
      findings: [
        { code: 'machine', ok: true, optional: false, details: { processors: 2, memory_free_bytes: 1e9 }, error: null },
        { code: 'trainer', ok: false, optional: false, details: {}, error },
      ],
      devices: [device],
      report: '✓ Trainer: Here.\n',
    },
  },
  'app.openExternalHelp': { request: { topic: 'guide' }, response: { opened: true } },
  'app.checkForUpdates': { request: undefined, response: undefined },
  'settings.get': { request: undefined, response: settings },
  'settings.set': { request: { theme: 'dark' }, response: settings },
  'dialogs.openModel': { request: { purpose: 'base' }, response: picked },
  'dialogs.openDataset': { request: { purpose: 'train' }, response: { path: null } },
  'dialogs.saveExport': { request: { format: 'gguf', suggested_name: 'a.gguf' }, response: picked },
  'dialogs.chooseFolder': { request: { purpose: 'runs' }, response: picked },
  'dialogs.showInFolder': { request: picked, response: undefined },
  'files.dropped': { request: picked, response: { path: '/models/a.gguf', kind: 'model' } },
  'models.inspect': { request: picked, response: model },
  'models.recent': {
    request: undefined,
    response: [
      {
        path: '/models/a.gguf',
        name: null,
        architecture: 'llama',
        base_type: 'Q8_0',
        n_params: 1000,
        file_size_bytes: 100,
        seen_ms: 1,
        exists: false,
      },
    ],
  },
  'models.fetchSample': { request: undefined, response: null },
  'datasets.inspect': {
    request: { ...choices, model_path: '/models/a.gguf', max_seq_len: 512, split_seed: 1 },
    response: report,
  },
  'datasets.preview': {
    request: {
      data_path: '/data/rows.jsonl',
      format: 'auto',
      columns: {},
      template: 'auto',
      model_path: '/models/a.gguf',
      max_seq_len: 512,
      offset: 0,
      limit: 10,
    },
    response: {
      rows: [
        { line: 1, tokens: 4, segments: [{ text: 'Hi', supervised: true, cut: false }], prompt: 'Hi', refusal: null },
      ],
      has_more: false,
    },
  },
  'estimates.plan': {
    request: {
      model_path: '/models/a.gguf',
      settings: { lora_rank: 8, target_modules: ['q', 'v'] },
      dataset: { rows: 2, val_rows: 0, tokens: 20, supervised_tokens: 8, max_tokens: 12 },
    },
    response: {
      trainable_parameters: 64,
      trainable_share: 0.064,
      memory: { weights_bytes: 1, adapter_bytes: 2, activations_bytes: 3, other_bytes: 4, total_bytes: 10 },
      device,
      fits: true,
      time: { total_steps: 10, steps_per_epoch: 5, tokens_per_second: 100, duration_ms: 1000, basis: 'estimated' },
      advice: [{ setting: 'max_seq_len', from: 512, to: 256, total_bytes: 8, fits: true }],
      methods: [
        { method: 'qlora', available: true, trainable_parameters: 64, total_bytes: 10, fits: true, chosen: true },
      ],
      warnings: [{ setting: 'lora_alpha', code: 'alpha_unusual', message: 'M.', hint: 'H.', details: {} }],
    },
  },
  'presets.list': {
    request: undefined,
    response: {
      presets: [{ id: 'small', group: 'rank', values: { lora_rank: 8 }, is_default: true }],
      settings: [
        {
          name: 'lora_rank',
          section: 'adapter',
          advanced: false,
          kind: 'integer',
          default: 16,
          minimum: 1,
          maximum: 1024,
          choices: null,
          description: 'Rank.',
        },
      ],
    },
  },
  'runs.create': {
    request: {
      ...choices,
      name: 'First',
      model_path: '/models/a.gguf',
      settings: { epochs: 1 },
      sample_prompts: ['Hi'],
      estimated_memory_bytes: null,
    },
    response: run,
  },
  'runs.list': { request: undefined, response: [run] },
  'runs.get': { request: one, response: detail },
  'runs.examples': {
    request: { ...one, limit: 3 },
    response: [{ system: '', prompt: 'When?', answer: 'At seven.' }],
  },
  'runs.metrics': {
    request: { ...one, max_points: 500 },
    response: {
      run_id: run.id,
      n_steps: 1,
      steps: {
        step: [1],
        time_ms: [2],
        epoch: [0.5],
        train_loss: [1.5],
        learning_rate: [1e-4],
        grad_norm: [0.5],
        tokens_per_second: [100],
      },
      validations: { step: [], val_loss: [] },
    },
  },
  'runs.log': { request: { ...one, limit: 100 }, response: [entry] },
  'runs.update': { request: { ...one, name: 'Second', tags: ['tag'], notes: 'n', starred: true }, response: run },
  'runs.delete': { request: { ...one, delete_files: true }, response: undefined },
  'runs.pause': { request: one, response: undefined },
  'runs.resume': { request: one, response: undefined },
  'runs.stop': { request: one, response: undefined },
  'runs.checkpoint': { request: one, response: undefined },
  'runs.continue': { request: one, response: run },
  'queue.list': { request: undefined, response: queue },
  'queue.reorder': { request: { run_ids: ['e5f6a7b8'] }, response: queue },
  'queue.remove': { request: one, response: queue },
  'chat.load': {
    request: {
      voice: 'tuned',
      model_path: null,
      adapters: [
        { kind: 'run', run_id: run.id, checkpoint: 5, scale: 1 },
        { kind: 'file', path: '/a.gguf', scale: 0.5 },
      ],
      n_ctx: 2048,
    },
    response: { voice: 'tuned', weights, context_tokens: 2048, load_ms: 5 },
  },
  'chat.ask': {
    request: {
      ask_id: 'ask-1',
      voice: 'tuned',
      messages: [{ role: 'user', content: 'Hi' }],
      sampling: { temperature: 0, top_p: 1, top_k: 0, min_p: 0, repeat_penalty: 1, seed: 1 },
      max_tokens: 64,
    },
    response: undefined,
  },
  'chat.stop': { request: { ask_id: 'ask-1' }, response: undefined },
  'chat.unload': { request: { voice: 'tuned' }, response: undefined },
  'exports.types': { request: one, response: [{ output_type: 'q8_0', output_bytes: 100, is_same: false }] },
  'exports.start': {
    request: {
      ...one,
      checkpoint: 'best',
      format: 'gguf',
      output_type: 'same',
      output_path: '/exports/a.gguf',
      overwrite: true,
      check: true,
    },
    response: { export_id: 'export-1' },
  },
  'exports.list': { request: { run_id: null }, response: [record] },
};

export const EVENT_EXAMPLES: { [Name in EventName]: IpcEvent<Name> } = {
  'app.theme': { is_dark: true },
  'app.navigate': { route: '/new' },
  'app.openFile': picked,
  'app.fetching': { done: false, source: 'pypi', size_bytes: 83e6, share: null },
  'run.changed': run,
  'run.removed': one,
  'run.steps': {
    ...one,
    forget_after_step: null,
    steps: [],
    validations: [{ step: 5, val_loss: 1, perplexity: 2.7, tokens: 8, is_best: true, time_ms: 4 }],
  },
  'run.log': { ...one, entries: [entry] },
  'run.sample': { ...one, sample: { step: 5, time_ms: 4, prompt: 'Hi', text: 'Hello' } },
  'queue.changed': queue,
  'chat.token': { ask_id: 'ask-1', voice: 'tuned', text: 'He' },
  'chat.done': {
    ask_id: 'ask-1',
    voice: 'tuned',
    weights,
    result: { text: 'Hello', prompt_tokens: 4, tokens: 2, stop_reason: 'end', duration_ms: 10 },
    error: null,
  },
  'chat.died': { error },
  'export.progress': { export_id: 'export-1', ...one, phase: 'exporting', share: 0.5 },
  'export.done': { export_id: 'export-1', ...one, outcome: null, error },
};
