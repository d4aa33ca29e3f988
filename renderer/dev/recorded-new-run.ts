import type { DatasetReport, IpcResponse, Plan, Preset, PreviewRow } from '../../main/contracts/ipc.ts';
import { listSettings } from '../../main/contracts/setting-list.ts';

const PRESETS: Preset[] = [
  { id: 'rank_tiny', group: 'rank', values: { lora_rank: 4, lora_alpha: 8 }, is_default: false },
  { id: 'rank_small', group: 'rank', values: { lora_rank: 8, lora_alpha: 16 }, is_default: false },
  { id: 'rank_medium', group: 'rank', values: { lora_rank: 16, lora_alpha: 32 }, is_default: true },
  { id: 'rank_large', group: 'rank', values: { lora_rank: 64, lora_alpha: 128 }, is_default: false },
  { id: 'rate_conservative', group: 'learning_rate', values: { learning_rate: 5e-5 }, is_default: false },
  { id: 'rate_standard', group: 'learning_rate', values: { learning_rate: 2e-4 }, is_default: true },
  { id: 'rate_aggressive', group: 'learning_rate', values: { learning_rate: 1e-3 }, is_default: false },
  { id: 'effort_quick', group: 'effort', values: { epochs: 1, max_steps: 60 }, is_default: false },
  { id: 'effort_balanced', group: 'effort', values: { epochs: 1, max_steps: 0 }, is_default: true },
  { id: 'effort_thorough', group: 'effort', values: { epochs: 3, max_steps: 0 }, is_default: false },
];

/** Answers for the screen of a new run, as the core gave them for the sample, and for a model that is too big. */
export function newRunAnswers(scenario: string) {
  const isTooBig = scenario === 'too-big';
  const text = (value: string, supervised = false, cut = false) => ({ text: value, supervised, cut });

  const rows: PreviewRow[] = [
    {
      line: 1,
      tokens: 74,
      windows: 1,
      part: null,
      refusal: null,
      segments: [
        text(
          '<|im_start|>system\nYou turn orders into records.<|im_end|>\n<|im_start|>user\nTwo rye loaves and a dozen rolls for Marta, Saturday at nine.<|im_end|>\n<|im_start|>assistant\n',
        ),
        text('name: Marta\nitems: 2 rye loaf, 12 roll\npickup: Saturday 09:00<|im_end|>', true),
        text('\n'),
      ],
    },
    {
      line: 2,
      tokens: null,
      windows: 1,
      part: null,
      refusal: { code: 'invalid_json', message: 'Unexpected token } at column 41' },
      segments: [],
    },
    {
      line: 3,
      tokens: 612,
      windows: 1,
      part: null,
      refusal: null,
      segments: [
        text(
          '<|im_start|>user\nThe whole week’s order for the café, please write all of it down: croissants every morning, baguettes on Tuesday and Thursday …<|im_end|>\n<|im_start|>assistant\n',
        ),
        text('name: Café Sol\nitems: 40 croissant, ', true),
        text('24 baguette\npickup: daily 07:00<|im_end|>', true, true),
        text('\n', false, true),
      ],
    },
  ];

  const counts = {
    rows: 1137,
    tokens: 81_204,
    supervised_tokens: 27_611,
    median_tokens: 69,
    p95_tokens: 98,
    max_tokens: 612,
    truncated_rows: 2,
    empty_rows: 0,
    lost_tokens: 0,
    lost_supervised_tokens: 0,
    windowed_rows: 0,
    repeated_tokens: 0,
    length_histogram: [
      [16, 0],
      [32, 11],
      [64, 402],
      [128, 690],
      [256, 30],
      [512, 2],
      [1024, 2],
    ] as [number, number][],
  };
  const report: DatasetReport = {
    data: {
      path: '/data/orders-train.jsonl',
      kind: 'jsonl',
      format: 'prompt_completion',
      format_reason: 'All of the first rows have prompt and completion.',
      columns: { prompt: 'prompt', completion: 'completion' },
      size_bytes: 240_000,
      rows_read: 1200,
      rows_used: 1197,
      rows_refused: 3,
      refused_by_code: { invalid_json: 2, no_answer: 1 },
      refused_examples: [
        { line: 2, code: 'invalid_json', message: 'Unexpected token } at column 41' },
        { line: 514, code: 'invalid_json', message: 'Unterminated string at column 112' },
        { line: 900, code: 'no_answer', message: 'The column completion is empty' },
      ],
      duplicate_rows: 4,
      duplicate_examples: [{ line: 44 }],
    },
    val_data: null,
    available_columns: ['prompt', 'completion', 'customer'],
    template: 'model',
    template_reason: 'The file has a chat template.',
    train: counts,
    val: { ...counts, rows: 60, tokens: 4100, supervised_tokens: 1400, truncated_rows: 0 },
    examples: [{ system: '', prompt: 'When do you open?', answer: 'At seven, every day but Monday.' }],
    warnings: [],
  };

  const device = {
    name: 'CPU',
    description: 'AMD EPYC 9B45',
    type: 'cpu' as const,
    backend: 'CPU',
    memory_total_bytes: 16_700_000_000,
    memory_free_bytes: 9_000_000_000,
  };
  const GB = 1024 ** 3;
  const memory = isTooBig
    ? {
        weights_bytes: 8.1 * GB,
        adapter_bytes: 1.9 * GB,
        activations_bytes: 9.4 * GB,
        other_bytes: 0.6 * GB,
        total_bytes: 20 * GB,
      }
    : { weights_bytes: 98e6, adapter_bytes: 78e6, activations_bytes: 214e6, other_bytes: 61e6, total_bytes: 451e6 };
  const plan: Plan = {
    trainable_parameters: isTooBig ? 167_772_160 : 4_884_480,
    trainable_share: isTooBig ? 0.0209 : 0.0363,
    memory,
    memory_is_rough: false,
    device,
    fits: !isTooBig,
    time: {
      total_steps: 60,
      steps_per_epoch: 143,
      seen_rows: 480,
      train_rows: 1137,
      scored_rows: 48,
      held_out_rows: 60,
      tokens_per_second: 548,
      duration_ms: 152_000,
      basis: 'estimated',
    },
    advice: isTooBig
      ? [
          { setting: 'max_seq_len', from: 4096, to: 2048, total_bytes: 15.1 * GB, fits: true },
          { setting: 'micro_batch_size', from: 4, to: 1, total_bytes: 12.9 * GB, fits: true },
          { setting: 'lora_rank', from: 64, to: 16, total_bytes: 18.5 * GB, fits: false },
        ]
      : [],
    methods: [
      {
        method: 'full',
        available: false,
        trainable_parameters: 134_515_008,
        total_bytes: 2.7 * GB,
        fits: !isTooBig,
        chosen: false,
      },
      {
        method: 'lora',
        available: true,
        trainable_parameters: 4_884_480,
        total_bytes: 0.72 * GB,
        fits: !isTooBig,
        chosen: false,
      },
      {
        method: 'qlora',
        available: true,
        trainable_parameters: 4_884_480,
        total_bytes: memory.total_bytes,
        fits: !isTooBig,
        chosen: true,
      },
    ],
    warnings: isTooBig
      ? [
          {
            setting: 'lora_alpha',
            code: 'alpha_far_from_rank',
            message:
              'lora_alpha is 512, many times more than lora_rank (16): it scales the update as the learning rate does.',
            hint: 'Twice the rank, 32, goes with the usual learning rates.',
            details: { lora_alpha: 512, lora_rank: 16, suggested: 32 },
          },
        ]
      : [],
  };

  return {
    'models.recent': (): IpcResponse<'models.recent'> => [
      {
        path: '/models/SmolLM2-135M-Instruct.Q4_1.gguf',
        name: 'SmolLM2 135M Instruct',
        architecture: 'llama',
        base_type: 'q4_1',
        n_params: 134_515_008,
        file_size_bytes: 98e6,
        seen_ms: 0,
        exists: true,
      },
      {
        path: '/models/Qwen3-1.7B-Q8_0.gguf',
        name: 'Qwen3 1.7B',
        architecture: 'qwen3',
        base_type: 'q8_0',
        n_params: 1_720_000_000,
        file_size_bytes: 1.83e9,
        seen_ms: 0,
        exists: true,
      },
      {
        path: '/models/old.gguf',
        name: 'Gemma 3 270M',
        architecture: 'gemma3',
        base_type: 'q4_k_m',
        n_params: 268_000_000,
        file_size_bytes: 253e6,
        seen_ms: 0,
        exists: false,
      },
    ],
    'models.inspect': ({ path }: { path: string }): IpcResponse<'models.inspect'> => ({
      job: 'inspect',
      path,
      file_size_bytes: isTooBig ? 8.7e9 : 98e6,
      files: isTooBig ? ['a', 'b', 'c'] : [path],
      architecture: scenario === 'broken' ? 'mamba' : 'llama',
      name: isTooBig ? 'Llama 3.1 8B Instruct' : 'SmolLM2 135M Instruct',
      license: 'apache-2.0',
      base_type: isTooBig ? 'q8_0' : 'q4_1',
      tensor_types: { q4_1: 211, f32: 61 },
      n_params: isTooBig ? 8_030_261_248 : 134_515_008,
      n_layer: 30,
      n_embd: 576,
      n_head: 9,
      n_head_kv: 3,
      n_ff: 1536,
      n_vocab: 49_152,
      n_ctx_train: 8192,
      tied_head: true,
      chat_template: '{{ … }}',
      bos_token: '<|im_start|>',
      eos_token: '<|im_end|>',
      trainable: scenario !== 'broken',
      reason: scenario === 'broken' ? 'Forja cannot train the architecture mamba.' : null,
      reason_code: scenario === 'broken' ? 'architecture_unsupported' : null,
      reason_hint: scenario === 'broken' ? 'Choose a model of a supported architecture.' : null,
    }),
    'dialogs.openModel': () => ({ path: '/models/SmolLM2-135M-Instruct.Q4_1.gguf' }),
    'dialogs.openDataset': () => ({ path: '/data/orders-train.jsonl' }),
    'datasets.inspect': () => report,
    'datasets.preview': (): IpcResponse<'datasets.preview'> => ({ rows, has_more: true }),
    'estimates.plan': () => plan,
    'presets.list': (): IpcResponse<'presets.list'> => ({
      presets: PRESETS,
      settings: listSettings(),
    }),
    'app.doctor': (): IpcResponse<'app.doctor'> => ({
      findings: [
        {
          code: 'machine',
          ok: true,
          optional: false,
          error: null,
          details: { processors: 16, memory_free_bytes: 9e9, memory_total_bytes: 16.7e9 },
        },
        {
          code: 'trainer',
          ok: true,
          optional: false,
          error: null,
          details: {
            path: '/opt/forja/forja-trainer',
            llama_cpp_release: 'v0.4.0',
            devices: 'CPU (AMD EPYC 9B45, CPU)',
            cpu_features: 'AVX2',
          },
        },
        {
          code: 'cache',
          ok: true,
          optional: false,
          error: null,
          details: { path: '/home/ada/.cache/forja', disk_free_bytes: 84e9 },
        },
        {
          code: 'sample_model',
          ok: false,
          optional: true,
          error: null,
          details: { path: '/home/ada/.cache/forja/models/sample.gguf' },
        },
      ],
      devices: [device],
      report:
        'Forja 0.1.0\nElectron 45.4.1, Node 24.21.0\nlinux x64\nforja-trainer 0.1.0, llama.cpp v0.4.0\nCPU: AMD EPYC 9B45, 15.6 GB\n84 GB free',
    }),
  };
}
