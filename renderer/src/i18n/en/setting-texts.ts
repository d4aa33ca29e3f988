import type { SettingSection, SettingUnit } from '../../../../main/contracts/job-schema.ts';
import type { SettingName } from '../../../../main/contracts/protocol-types.ts';

interface SettingText {
  label: string;
  /** One line that explains it. */
  help: string;
}

const texts: Record<SettingName, SettingText> = {
  method: {
    label: 'Method',
    help: 'How the base model is adapted. DoRA often learns more than LoRA at low ranks, is slower, and has no adapter file for llama.cpp.',
  },
  objective: {
    label: 'Objective',
    help: 'What is learned from the rows: the answers themselves, or which answers are better.',
  },
  dpo_beta: {
    label: 'Closeness (beta)',
    help: 'How closely the tuned model stays to what it was. Higher changes less; 0.1 is usual.',
  },
  dpo_label_smoothing: {
    label: 'Doubtful pairs',
    help: 'Share of the pairs that may be the wrong way round. 0 trusts them all.',
  },
  dpo_loss_type: {
    label: 'Loss',
    help: 'DPO as published, or IPO, which stops once the better answer leads by enough: for few pairs that all agree.',
  },
  orpo_beta: {
    label: 'Weight of the preference',
    help: 'Of preferring the better answer, beside learning to give it.',
  },
  kto_beta: {
    label: 'Closeness (beta)',
    help: 'How closely the tuned model stays to what it was. Higher changes less; 0.1 is usual.',
  },
  desirable_weight: {
    label: 'Weight of good answers',
    help: 'Raise it where there are fewer good answers than bad ones.',
  },
  undesirable_weight: {
    label: 'Weight of bad answers',
    help: 'Raise it where there are fewer bad answers than good ones.',
  },
  lora_rank: { label: 'Rank', help: 'How much the adapter can learn. Higher takes more memory and more data.' },
  lora_alpha: { label: 'Alpha', help: 'How strongly the adapter acts. Twice the rank is a good start.' },
  lora_dropout: {
    label: 'Dropout',
    help: 'Share of the adapter’s inputs dropped at random, against overfitting. 0.05 helps with few rows.',
  },
  use_rslora: {
    label: 'Rank-stabilised scaling',
    help: 'Scales by alpha / √rank in place of alpha / rank. For ranks of 64 and more.',
  },
  lora_plus_ratio: {
    label: 'LoRA+ ratio',
    help: 'How much faster B learns than A. 1 is plain LoRA; 16 often learns sooner, with a lower learning rate.',
  },
  init_lora_weights: {
    label: 'Start of A',
    help: 'The random numbers that A begins with. B begins at zero either way, so training starts from the base.',
  },
  neftune_noise_alpha: {
    label: 'NEFTune noise',
    help: 'Random noise on the inputs in training, against overfitting. 0 is none; 5 to 15 are usual for chat data.',
  },
  target_modules: {
    label: 'Adapted layers',
    help: 'Which layers get an adapter. All of them learn best; q and v alone save memory.',
  },
  learning_rate: {
    label: 'Learning rate',
    help: 'How far each step goes. Too high and the loss blows up, too low and little is learned.',
  },
  weight_decay: { label: 'Weight decay', help: 'Pulls the adapter towards zero. Seldom needed with LoRA.' },
  adam_beta1: { label: 'Adam beta 1', help: 'How long the optimiser remembers the direction.' },
  adam_beta2: { label: 'Adam beta 2', help: 'How long the optimiser remembers the size of the gradient.' },
  adam_epsilon: { label: 'Adam epsilon', help: 'Keeps the optimiser from dividing by zero.' },
  max_grad_norm: { label: 'Gradient limit', help: 'Longer gradients are cut to this length. 0 turns it off.' },
  lr_scheduler: { label: 'Schedule', help: 'How the learning rate falls after the warmup.' },
  warmup_steps: {
    label: 'Warmup steps',
    help: 'Steps over which the learning rate rises from zero. Takes precedence over the share below.',
  },
  warmup_ratio: { label: 'Warmup share', help: 'Share of all steps over which the learning rate rises from zero.' },
  micro_batch_size: {
    label: 'Rows at a time',
    help: 'Rows that are computed together. More is faster on a GPU and takes more memory; a processor takes long rows one by one all the same.',
  },
  gradient_accumulation_steps: {
    label: 'Accumulation',
    help: 'Passes gathered into one step. Rows per step are this times the rows at a time.',
  },
  max_seq_len: {
    label: 'Longest row',
    help: 'Tokens of a row that are used; longer rows are cut off. Memory grows with it.',
  },
  text_overlap_tokens: {
    label: 'Overlap of texts',
    help: 'Plain text that is too long for a row is cut into several. So many tokens of one are given again, as context, at the beginning of the next.',
  },
  epochs: { label: 'Epochs', help: 'How many times training goes through all rows.' },
  max_steps: { label: 'Step limit', help: 'Stops after so many steps. 0 leaves it to the epochs.' },
  seed: { label: 'Seed', help: 'The same seed with the same settings gives the same model.' },
  split_seed: {
    label: 'Split seed',
    help: 'Chooses which rows are held out for validation. Keep it, and runs on the same data can be compared.',
  },
  max_val_rows: {
    label: 'Rows scored',
    help: 'Most held-out rows that each validation scores. 0 keeps all validations within a fifth of the training.',
  },
  eval_steps: {
    label: 'Validate every',
    help: 'Steps between two validations. 0 is automatic: about ten times a run.',
  },
  checkpoint_steps: {
    label: 'Checkpoint every',
    help: 'Steps between two checkpoints. 0 is automatic: about ten times a run.',
  },
  checkpoints_kept: {
    label: 'Checkpoints kept',
    help: 'How many of the newest stay on disk; the best one is kept as well.',
  },
  device: { label: 'Device', help: 'Where training runs. Automatic uses the first GPU, or the CPU if there is none.' },
  threads: { label: 'Threads', help: 'CPU threads. 0 uses one per physical core.' },
  compute_type: {
    label: 'Precision',
    help: 'Of the products with the model’s weights. f32 rounds nothing and is the reference; auto is faster and rounds to 16 bits, or to 8 where llama.cpp multiplies.',
  },
  activation_budget_bytes: {
    label: 'Activation memory',
    help: 'Bytes kept between forward and backward pass; the rest is computed twice. −1 lets the trainer choose.',
  },
  device_memory_limit_bytes: {
    label: 'Memory limit',
    help: 'Most bytes that training may take on the device; it then works in smaller pieces. 0 takes what is free.',
  },
  init_adapter_path: { label: 'Start from an adapter', help: 'Starts from an adapter trained earlier.' },
};

export const settingTexts = {
  texts: texts as Partial<Record<string, SettingText>> & typeof texts,
  sections: {
    adapter: 'Adapter',
    learning: 'Learning',
    batches: 'Rows and steps',
    keeping: 'Validation and checkpoints',
    machine: 'Machine',
  } satisfies Record<SettingSection, string>,
  units: {
    tokens: 'tokens',
    steps: 'steps',
    rows: 'rows',
    bytes: 'bytes',
    share: 'of all',
  } satisfies Record<SettingUnit, string>,
  choices: {
    lora: 'LoRA',
    dora: 'DoRA',
    kaiming: 'Kaiming',
    gaussian: 'Gaussian',
    sft: 'Give the answers',
    dpo: 'Learn from preferences',
    orpo: 'Answers and preferences at once',
    kto: 'Learn from good and bad answers',
    sigmoid: 'DPO',
    ipo: 'IPO',
    linear: 'Linear',
    cosine: 'Cosine',
    constant: 'Constant',
    auto: 'Automatic',
    f32: 'f32',
    cpu: 'CPU',
  } as Partial<Record<string, string>>,
  counted: (number: string, unit: string) => `${number} ${unit}`,
  defaultAndRange: (standard: string, from: string, to: string) => `Default ${standard}; ${from} to ${to}.`,
  defaultFrom: (standard: string, from: string) => `Default ${standard}; ${from} or more.`,
  defaultOnly: (standard: string) => `Default ${standard}.`,
  /** A setting's label in a sentence. */
  named: (label: string) => `“${label}”`,
  on: 'on',
  off: 'off',
  all: 'all',
  problems: {
    not_a_number: 'Enter a number.',
    not_whole: 'Enter a whole number.',
    too_small: (min: string) => `It must be at least ${min}.`,
    too_large: (max: string) => `It can be at most ${max}.`,
  },
};
