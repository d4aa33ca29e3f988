import type { ChannelName } from '../../main/contracts/channels.ts';
import { newRunAnswers } from './recorded-new-run.ts';
import type { AppSettings, IpcResponse, RunSummary } from '../../main/contracts/ipc.ts';

const query = new URLSearchParams(window.location.search);
const scenario = query.get('scenario') ?? 'usual';
const HOUR = 3_600_000;
const now = Date.now();

let settings: AppSettings = {
  language: (query.get('lang') ?? 'en') as AppSettings['language'],
  theme: (query.get('theme') ?? 'light') as AppSettings['theme'],
  device: 'auto',
  threads: 0,
  runs_dir: '/home/ada/Forja/runs',
  exports_dir: '/home/ada/Forja/exports',
  checkpoints_kept: 3,
  notify_when_done: true,
  keep_awake: true,
  first_run_note_seen: scenario !== 'empty',
};

function run(change: Partial<RunSummary>): RunSummary {
  return {
    id: 'r1',
    name: 'Bakery orders',
    out_dir: '/home/ada/Forja/runs/bakery',
    status: 'completed',
    phase: null,
    phase_share: null,
    is_paused: false,
    queue_position: null,
    is_interrupted: false,
    can_continue: false,
    has_adapter: true,
    advised_checkpoint: 'final',
    created_ms: now - 2 * HOUR,
    started_ms: now - 2 * HOUR,
    ended_ms: now - HOUR,
    model_path: '/models/SmolLM2-135M-Instruct.Q4_1.gguf',
    model_name: 'SmolLM2 135M Instruct',
    architecture: 'llama',
    base_type: 'q4_1',
    dataset_path: '/data/orders-train.jsonl',
    total_steps: 150,
    steps: 150,
    train_loss: 0.0412,
    val_loss: 0.0529,
    best_val_loss: 0.0529,
    tokens_per_second: 512,
    trainable_parameters: 4_884_480,
    peak_memory_bytes: 412_000_000,
    estimated_memory_bytes: 430_000_000,
    elapsed_ms: 400_000,
    eta_ms: null,
    error: null,
    tags: [],
    notes: '',
    starred: false,
    ...change,
  };
}

const usualRuns: RunSummary[] = [
  run({
    id: 'r5',
    name: 'Support answers, rank 32',
    status: 'training',
    phase: 'training',
    steps: 61,
    total_steps: 320,
    train_loss: 1.284,
    val_loss: 1.41,
    best_val_loss: 1.41,
    created_ms: now - 0.2 * HOUR,
    eta_ms: 1_200_000,
  }),
  run({}),
  run({ id: 'r2', name: 'Bakery orders, aggressive rate', created_ms: now - 5 * HOUR, best_val_loss: 0.0611 }),
  run({
    id: 'r3',
    name: 'Legal summaries',
    model_name: 'Qwen3 1.7B',
    base_type: 'q8_0',
    status: 'failed',
    best_val_loss: null,
    val_loss: null,
    train_loss: null,
    created_ms: now - 30 * HOUR,
  }),
  run({
    id: 'r4',
    name: 'Spanish recipes',
    model_name: 'Gemma 3 270M',
    base_type: 'q4_k_m',
    status: 'stopped',
    best_val_loss: 1.92,
    created_ms: now - 80 * HOUR,
  }),
];

const interrupted = run({
  id: 'r9',
  name: 'Night run',
  status: 'stopped',
  is_interrupted: true,
  can_continue: true,
  steps: 420,
  total_steps: 1000,
  created_ms: now - 9 * HOUR,
  best_val_loss: 1.11,
});

type Answers = { [Name in ChannelName]?: (request: never) => IpcResponse<Name> };

const answers: Answers = {
  ...newRunAnswers(scenario),
  'app.info': () => ({
    version: '0.1.0',
    electron_version: '45.4.1',
    chrome_version: '152.0',
    node_version: '24.21.0',
    platform: 'linux',
    arch: 'x64',
    locale: 'en-GB',
    is_dark: false,
    is_packaged: false,
    can_update: false,
    data_dir: '/home/ada/.config/Forja',
    cache_dir: '/home/ada/.cache/forja',
    sample: { name: 'SmolLM2-135M-Instruct', size_bytes: 98_000_000, is_fetched: scenario !== 'empty' },
    opened_model_path: null,
  }),
  'settings.get': () => settings,
  'settings.set': (change: Partial<AppSettings>) => (settings = { ...settings, ...change }),
  'runs.list': () =>
    scenario === 'empty' ? [] : scenario === 'interrupted' ? [interrupted, ...usualRuns.slice(1)] : usualRuns,
};

/** What the main process would answer; a channel that was not recorded is an error at once. */
export function answer(channel: ChannelName, request: unknown): unknown {
  const give = answers[channel];
  if (give === undefined) throw new Error(`Nothing was recorded for ${channel}`);
  return give(request as never);
}
