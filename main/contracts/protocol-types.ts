// Written by `npm run generate` from native/protocol. Do not edit.

/** What a run of method lora has of its own. */
export interface LoraSettings {
  /** How the base is adapted. */
  method: "lora";
  /** r, the width of the low-rank update. */
  lora_rank: number;
  /** The update is scaled by lora_alpha / lora_rank (or by lora_alpha / sqrt(lora_rank) with use_rslora). */
  lora_alpha: number;
  /** Which linear layers of each block get an adapter. Where a file fuses layers (phi3: q, k, v in one; gate, up in one) naming one of them adapts the fused layer. */
  target_modules: ("q" | "k" | "v" | "o" | "gate" | "up" | "down")[];
  /** Share of an adapter's inputs zeroed at random in training. */
  lora_dropout: number;
  /** Rank-stabilised scaling. */
  use_rslora: boolean;
  /** LoRA+: B's learning rate is this times the learning rate, which stays A's; 1 is plain LoRA. */
  lora_plus_ratio: number;
  /** How A begins: kaiming (uniform within 1 / sqrt of the layer's inputs) or gaussian (standard deviation 1 / lora_rank). B begins at zero. */
  init_lora_weights: "kaiming" | "gaussian";
  /** NEFTune: in training, random noise of this size, over the square root of a row's tokens times its width, is added to what enters the first block; 0 is none. 5 to 15 are usual. */
  neftune_noise_alpha: number;
  /** Start from this adapter instead of a random A and a zero B, or null. */
  init_adapter_path: string | null;
}

/** What a run of method dora has of its own. */
export interface DoraSettings {
  /** How the base is adapted. */
  method: "dora";
  /** r, the width of the low-rank update. */
  lora_rank: number;
  /** The update is scaled by lora_alpha / lora_rank (or by lora_alpha / sqrt(lora_rank) with use_rslora). */
  lora_alpha: number;
  /** Which linear layers of each block get an adapter. Where a file fuses layers (phi3: q, k, v in one; gate, up in one) naming one of them adapts the fused layer. */
  target_modules: ("q" | "k" | "v" | "o" | "gate" | "up" | "down")[];
  /** Share of an adapter's inputs zeroed at random in training. */
  lora_dropout: number;
  /** Rank-stabilised scaling. */
  use_rslora: boolean;
  /** LoRA+: B's learning rate is this times the learning rate, which stays A's; 1 is plain LoRA. */
  lora_plus_ratio: number;
  /** How A begins: kaiming (uniform within 1 / sqrt of the layer's inputs) or gaussian (standard deviation 1 / lora_rank). B begins at zero. */
  init_lora_weights: "kaiming" | "gaussian";
  /** NEFTune: in training, random noise of this size, over the square root of a row's tokens times its width, is added to what enters the first block; 0 is none. 5 to 15 are usual. */
  neftune_noise_alpha: number;
  /** Start from this adapter instead of a random A and a zero B, or null. */
  init_adapter_path: string | null;
}

export type MethodSettings = LoraSettings | DoraSettings;

/** What a run of objective sft has of its own. */
export interface SftSettings {
  /** What is learned from the rows: sft learns to give their answers; dpo, orpo and kto learn what a person prefers, the first two from pairs of a chosen and a rejected answer, kto from single answers that are marked as good or bad. */
  objective: "sft";
}

/** What a run of objective dpo has of its own. */
export interface DpoSettings {
  /** What is learned from the rows: sft learns to give their answers; dpo, orpo and kto learn what a person prefers, the first two from pairs of a chosen and a rejected answer, kto from single answers that are marked as good or bad. */
  objective: "dpo";
  /** How strongly the tuned model is held to what it was: higher is closer. */
  dpo_beta: number;
  /** Share of the pairs that are taken to be the wrong way round; 0 trusts them all. Not used by ipo. */
  dpo_label_smoothing: number;
  /** sigmoid is DPO as published; ipo asks for a certain lead by token and no more, which holds better where pairs are few or all one way. */
  dpo_loss_type: "sigmoid" | "ipo";
}

/** What a run of objective orpo has of its own. */
export interface OrpoSettings {
  /** What is learned from the rows: sft learns to give their answers; dpo, orpo and kto learn what a person prefers, the first two from pairs of a chosen and a rejected answer, kto from single answers that are marked as good or bad. */
  objective: "orpo";
  /** Weight of preferring the chosen answer, beside learning it. */
  orpo_beta: number;
}

/** What a run of objective kto has of its own. */
export interface KtoSettings {
  /** What is learned from the rows: sft learns to give their answers; dpo, orpo and kto learn what a person prefers, the first two from pairs of a chosen and a rejected answer, kto from single answers that are marked as good or bad. */
  objective: "kto";
  /** How strongly the tuned model is held to what it was: higher is closer. */
  kto_beta: number;
  /** Weight of the rows that are marked as good. Where there are fewer of them than others, a higher one evens that out. */
  desirable_weight: number;
  /** Weight of the rows that are marked as bad. */
  undesirable_weight: number;
}

export type ObjectiveSettings = SftSettings | DpoSettings | OrpoSettings | KtoSettings;

/** The settings that every run has. */
export interface CommonSettings {
  /** Peak learning rate. */
  learning_rate: number;
  /** Passes over the training rows. */
  epochs: number;
  /** Optimiser steps; 0 means as epochs say. */
  max_steps: number;
  /** Shape of the learning rate after warmup. */
  lr_scheduler: "linear" | "cosine" | "constant";
  /** Steps over which the learning rate rises from 0; wins over warmup_ratio when above 0. */
  warmup_steps: number;
  /** Share of all steps used to warm up. */
  warmup_ratio: number;
  /** AdamW's decoupled weight decay. */
  weight_decay: number;
  /** AdamW's first-moment decay. */
  adam_beta1: number;
  /** AdamW's second-moment decay. */
  adam_beta2: number;
  /** AdamW's epsilon. */
  adam_epsilon: number;
  /** The gradient of a step is scaled down to this length; 0 turns that off. */
  max_grad_norm: number;
  /** Seed of the adapter's start, the order of rows and dropout. */
  seed: number;
  /** Chooses which rows of the dataset are held out to validate on: a row's side follows from what it says and from this number alone. Keep it, and runs can be compared. */
  split_seed: number;
  /** Tokens of a row that are used; a longer row loses its end, and longer plain text becomes several rows. */
  max_seq_len: number;
  /** Plain text longer than max_seq_len is cut into several rows; so many tokens of one are given, and not learned again, at the beginning of the next. At most half of max_seq_len. */
  text_overlap_tokens: number;
  /** Rows per forward and backward pass, on a GPU; more of a step's rows share a pass where they are shorter than max_seq_len. On the CPU a pass is one row, or as many as come to 512 tokens: more would need memory and be no faster. */
  micro_batch_size: number;
  /** Micro-batches per optimiser step. */
  gradient_accumulation_steps: number;
  /** Validate every so many steps, and at the end; 0 is automatic: about ten times a run, less often where that would take long. Before the first step it is always validated. */
  eval_steps: number;
  /** Checkpoint every so many steps, and at the end; 0 is automatic: about ten times a run. */
  checkpoint_steps: number;
  /** Most held-out rows that are scored at each validation, the first by their hash. 0 takes as many as keep all validations within a fifth of the training's work, from 16 to 1,000. */
  max_val_rows: number;
  /** How many of the newest checkpoints stay on disk; the best by val_loss is kept besides. */
  checkpoints_kept: number;
  /** Where to compute: 'cpu', 'auto' (the first GPU, else the CPU), or a device's name as `devices` lists it. */
  device: string;
  /** CPU threads; 0 means one per physical core. */
  threads: number;
  /** Precision of the matrix products with the model's weights. 'f32' is the reference: weights dequantised to F32, activations and gradients as they are. 'auto' is faster: BF16 or F16 factors with F32 sums, or, where llama.cpp multiplies a quantised weight, activations of 8 bits. */
  compute_type: "auto" | "f32";
  /** Memory for activations kept from the forward to the backward pass; blocks beyond it are recomputed. -1 lets the trainer choose, 0 recomputes all. */
  activation_budget_bytes: number;
  /** Most memory that training may take on the device: micro-batches are then computed in pieces and, on a GPU, the model's weights streamed as needed, with the same result. On the CPU the weights stay in the file and do not count. 0 is what is free. */
  device_memory_limit_bytes: number;
}

/** What a person chooses for a run, defaults filled in. */
export type TrainSettings = CommonSettings & MethodSettings & ObjectiveSettings;

/** The name of any setting of a run. */
export type SettingName =
  | "method"
  | "lora_rank"
  | "lora_alpha"
  | "target_modules"
  | "lora_dropout"
  | "use_rslora"
  | "lora_plus_ratio"
  | "init_lora_weights"
  | "neftune_noise_alpha"
  | "init_adapter_path"
  | "objective"
  | "dpo_beta"
  | "dpo_label_smoothing"
  | "dpo_loss_type"
  | "orpo_beta"
  | "kto_beta"
  | "desirable_weight"
  | "undesirable_weight"
  | "learning_rate"
  | "epochs"
  | "max_steps"
  | "lr_scheduler"
  | "warmup_steps"
  | "warmup_ratio"
  | "weight_decay"
  | "adam_beta1"
  | "adam_beta2"
  | "adam_epsilon"
  | "max_grad_norm"
  | "seed"
  | "split_seed"
  | "max_seq_len"
  | "text_overlap_tokens"
  | "micro_batch_size"
  | "gradient_accumulation_steps"
  | "eval_steps"
  | "checkpoint_steps"
  | "max_val_rows"
  | "checkpoints_kept"
  | "device"
  | "threads"
  | "compute_type"
  | "activation_budget_bytes"
  | "device_memory_limit_bytes";

/** What the core fills in for a train job. */
export interface TrainFields {
  protocol_major: 1;
  type: "train";
  /** The base model: a GGUF file, or any part of a split set. UTF-8 path. */
  model_path: string;
  /** Token file (.fjt) to learn from. */
  train_tokens_path: string;
  /** Token file to validate on, or null. */
  val_tokens_path: string | null;
  /** Folder for checkpoints, the adapter and the events (events.jsonl); made when missing. */
  out_dir: string;
  /** Checkpoint folder to go on from, or null. */
  resume_path: string | null;
  /** Folder that keeps what this trainer found out about this base (its agreement with llama.cpp, its loss on validation rows), so that later runs need not. Null: found out each time. */
  known_dir: string | null;
}

/** Fine-tunes an adapter. All settings are present: defaults are filled in. */
export type TrainJob = TrainFields & TrainSettings;

/** Mean loss and perplexity of a token file. All settings are present: defaults are filled in. */
export interface ScoreJob {
  protocol_major: 1;
  type: "score";
  /** The base model: a GGUF file, or any part of a split set. UTF-8 path. */
  model_path: string;
  /** Adapter in llama.cpp's GGUF format, or null for the base alone. */
  adapter_path: string | null;
  /** Token file to score. */
  tokens_path: string;
  /** Tell each row's loss, too, in a row_loss event. */
  row_losses: boolean;
  /** Tokens of a row that are used; a longer row loses its end, and longer plain text becomes several rows. */
  max_seq_len: number;
  /** Where to compute: 'cpu', 'auto' (the first GPU, else the CPU), or a device's name as `devices` lists it. */
  device: string;
  /** CPU threads; 0 means one per physical core. */
  threads: number;
  /** Precision of the matrix products with the model's weights. 'f32' is the reference: weights dequantised to F32, activations and gradients as they are. 'auto' is faster: BF16 or F16 factors with F32 sums, or, where llama.cpp multiplies a quantised weight, activations of 8 bits. */
  compute_type: "auto" | "f32";
}

/** Reads rows from stdin, one JSON object a line: {"row": source row number, "segments": [[text, 0 or 1, 0 or 1], ...]} where the first 1 marks text to learn and the second, which may be left out, text in which the marks of control tokens are only text; writes a token file. All settings are present: defaults are filled in. */
export interface TokenizeJob {
  protocol_major: 1;
  type: "tokenize";
  /** The base model: a GGUF file, or any part of a split set. UTF-8 path. */
  model_path: string;
  /** Token file to write. */
  output_path: string;
  /** Tokens of a row that are used; a longer row loses its end, and longer plain text becomes several rows. */
  max_seq_len: number;
  /** Plain text longer than max_seq_len is cut into several rows; so many tokens of one are given, and not learned again, at the beginning of the next. At most half of max_seq_len. */
  text_overlap_tokens: number;
  /** What the rows are to each other: rows by themselves; pairs, whose lines have the row with the rejected answer, as segments, in "rejected"; labelled, whose lines have "desirable": 0 or 1. */
  row_kind: "rows" | "pairs" | "labelled";
  /** Rows of the dataset to train on, where only a sample of them is sent; 0 where all are. */
  dataset_rows: number;
  /** CPU threads; 0 means all that the machine has, at most 8. */
  threads: number;
}

/** What a model file is and whether it can be trained. All settings are present: defaults are filled in. */
export interface InspectJob {
  protocol_major: 1;
  type: "inspect";
  /** The base model: a GGUF file, or any part of a split set. UTF-8 path. */
  model_path: string;
}

/** Writes the tuned model or the adapter alone. All settings are present: defaults are filled in. */
export interface ExportJob {
  protocol_major: 1;
  type: "export";
  /** The base model: a GGUF file, or any part of a split set. UTF-8 path. */
  model_path: string;
  /** The adapter, in llama.cpp's GGUF format. */
  adapter_path: string;
  /** gguf: the merged model; gguf-adapter: for llama.cpp's --lora; peft: a folder for Hugging Face PEFT. */
  format: "gguf" | "gguf-adapter" | "peft";
  /** Type of the merged weights. 'auto' tries types on trial_tokens_path, the smallest file first, and takes the first that keeps kept_share_wanted of the tuning; 'same' keeps each tensor's own. */
  output_type: "auto" | "same" | "f32" | "f16" | "bf16" | "q8_0" | "q6_k" | "q5_k_m" | "q5_k_s" | "q5_0" | "q5_1" | "q4_k_m" | "q4_k_s" | "q4_0" | "q4_1" | "q3_k_m" | "q2_k" | "iq4_nl" | "iq4_xs";
  /** File (or folder, for peft) to write. */
  output_path: string;
  /** Replace what is there. */
  overwrite: boolean;
  /** How much of the tuning a type must keep for 'auto' to take it: (base loss - exported loss) / (base loss - live loss) on the rows of the trial. */
  kept_share_wanted: number;
  /** Rows (.fjt) that were not trained on, to try types on. null: nothing is tried, and 'auto' is 'same' for a base of 8 bits or more a weight and q8_0 for a smaller one. */
  trial_tokens_path: string | null;
  /** Rows (.fjt) of the run. Small types keep more when weights are rounded with what these rows multiply them with in mind. null: to the nearest value. */
  calibration_tokens_path: string | null;
  /** How many tokens of these rows are read; 0 goes by the model's size, and leaves it out where it would take long; a number asks for it whatever it takes. */
  max_calibration_tokens: number;
  /** Tokens of a row that are used; a longer row loses its end, and longer plain text becomes several rows. */
  max_seq_len: number;
  /** CPU threads; 0 means one per physical core. */
  threads: number;
  /** Where to compute: 'cpu', 'auto' (the first GPU, else the CPU), or a device's name as `devices` lists it. */
  device: string;
}

/** Scores an export against the live adapter with stock llama.cpp. All settings are present: defaults are filled in. */
export interface VerifyJob {
  protocol_major: 1;
  type: "verify";
  /** The base model: a GGUF file, or any part of a split set. UTF-8 path. */
  model_path: string;
  /** The live adapter. */
  adapter_path: string;
  /** The exported file or folder. */
  exported_path: string;
  /** What was exported. */
  format: "gguf" | "gguf-adapter" | "peft";
  /** Held-out rows. */
  tokens_path: string;
  /** Rows used, from the start. */
  max_rows: number;
  /** Tokens after which no further row is read; 0 for as many as suit the model's size. */
  max_tokens: number;
  /** Tokens of a row that are used; a longer row loses its end, and longer plain text becomes several rows. */
  max_seq_len: number;
  /** CPU threads; 0 means one per physical core. */
  threads: number;
  /** Where to compute: 'cpu', 'auto' (the first GPU, else the CPU), or a device's name as `devices` lists it. */
  device: string;
}

/** Lists what can compute here. All settings are present: defaults are filled in. */
export interface DevicesJob {
  protocol_major: 1;
  type: "devices";
}

/** Times training, or llama.cpp's own forward pass, on random tokens. All settings are present: defaults are filled in. */
export interface BenchJob {
  protocol_major: 1;
  type: "bench";
  /** The base model: a GGUF file, or any part of a split set. UTF-8 path. */
  model_path: string;
  /** train: whole steps of the trainer; profile: the same, each operation timed by itself; forward: libllama's prompt processing. */
  mode: "train" | "profile" | "forward";
  /** Tokens of a row that are used; a longer row loses its end, and longer plain text becomes several rows. */
  max_seq_len: number;
  /** Rows per pass. */
  micro_batch_size: number;
  /** r, the width of the low-rank update. */
  lora_rank: number;
  /** Share of an adapter's inputs zeroed at random in training. */
  lora_dropout: number;
  /** Which linear layers of each block get an adapter. Where a file fuses layers (phi3: q, k, v in one; gate, up in one) naming one of them adapts the fused layer. */
  target_modules: ("q" | "k" | "v" | "o" | "gate" | "up" | "down")[];
  /** Timed passes, after one to warm up. */
  steps: number;
  /** Where to compute: 'cpu', 'auto' (the first GPU, else the CPU), or a device's name as `devices` lists it. */
  device: string;
  /** CPU threads; 0 means one per physical core. */
  threads: number;
  /** Precision of the matrix products with the model's weights. 'f32' is the reference: weights dequantised to F32, activations and gradients as they are. 'auto' is faster: BF16 or F16 factors with F32 sums, or, where llama.cpp multiplies a quantised weight, activations of 8 bits. */
  compute_type: "auto" | "f32";
  /** Memory for activations kept from the forward to the backward pass; blocks beyond it are recomputed. -1 lets the trainer choose, 0 recomputes all. */
  activation_budget_bytes: number;
  /** Most memory that training may take on the device: micro-batches are then computed in pieces and, on a GPU, the model's weights streamed as needed, with the same result. On the CPU the weights stay in the file and do not count. 0 is what is free. */
  device_memory_limit_bytes: number;
}

export type TrainerJob = TrainJob | ScoreJob | TokenizeJob | InspectJob | ExportJob | VerifyJob | DevicesJob | BenchJob;

/** First line of every process. */
export interface HelloData {
  /** Refuse another than your own. */
  protocol_major: number;
  /** Grows when fields are added. */
  protocol_minor: number;
  trainer_version: string;
  llama_cpp_release: string;
  /** Those loaded for this job. */
  devices: ({
    /** As the `device` setting takes it. */
    name: string;
    /** The maker's name for it. */
    description: string;
    type: "cpu" | "gpu" | "igpu" | "accel";
    /** CPU, Vulkan, CUDA, Metal … */
    backend: string;
    /** 0 when unknown. */
    memory_total_bytes: number;
    /** 0 when unknown. */
    memory_free_bytes: number;
  })[];
}

/** What the trainer does now. */
export interface StatusData {
  phase: "loading_model" | "preparing" | "training" | "validating" | "paused" | "resumed" | "stopping" | "tokenizing" | "scoring" | "calibrating" | "trying_types" | "exporting" | "verifying";
}

/** What a training job comes to, before its first step. */
export interface PlanData {
  architecture: string;
  /** Most common type of the block weights, as ggml names it. */
  base_type: string;
  n_layer: number;
  n_params: number;
  /** As PEFT counts them. */
  trainable_parameters: number;
  /** Rows that will be learned from. */
  rows: number;
  /** Rows of the dataset to learn from, where `rows` are only some of them, taken at random because max_steps needs no more; 0 where they are all. */
  dataset_rows?: number;
  val_rows: number;
  /** Steps of one pass over the whole dataset, also where only some of its rows are read. */
  steps_per_epoch: number;
  total_steps: number;
  /** Steps done before, when resumed. */
  start_step: number;
  /** Rows with nothing to learn within max_seq_len. */
  skipped_rows: number;
  /** Rows longer than max_seq_len. */
  truncated_rows: number;
  device: string;
  threads: number;
}

/** One optimiser step. */
export interface StepData {
  /** From 1. */
  step: number;
  total_steps: number;
  /** Passes done, with fraction. */
  epoch: number;
  /** The objective's loss of this step; sft: mean nats per supervised token. */
  train_loss: number;
  /** Used in this step. */
  learning_rate: number;
  /** Before clipping. */
  grad_norm: number;
  /** All tokens of the step over its time. */
  tokens_per_second: number;
  /** In this step. */
  tokens: number;
  /** In this step. */
  supervised_tokens: number;
  /** Since training began, pauses left out. */
  elapsed_ms: number;
  /** Time left, estimated. */
  eta_ms: number;
  /** Largest resident size so far. */
  peak_memory_bytes: number;
  /** The objective's own figures by name, as means over the step; any number of them. */
  metrics?: Record<string, number>;
}

/** The objective's loss over the validation file (sft: the mean over all supervised tokens); that of step 0 is of what the run begins with. */
export interface ValidationData {
  step: number;
  /** The objective's loss; sft: nats per token. */
  val_loss: number;
  /** Of the supervised tokens; of pairs, of the chosen answers'. */
  perplexity: number;
  /** That perplexity is of. */
  tokens: number;
  is_best: boolean;
  /** The objective's own figures by name, as means over the rows; any number of them. */
  metrics?: Record<string, number>;
}

/** A checkpoint that is whole on disk. */
export interface CheckpointData {
  step: number;
  /** Its folder. */
  path: string;
  reason: "interval" | "request" | "stop" | "final" | "best";
}

/** How far a long phase is. */
export interface ProgressData {
  /** As in status. */
  phase: string;
  done: number;
  /** 0 when unknown. */
  total: number;
  unit: "bytes" | "rows" | "tensors" | "tokens";
}

/** The loss of one row of a score job that asked for row_losses. It does not depend on the rows around it. */
export interface RowLossData {
  /** The row's number as the tokenize job was told it. */
  row: number;
  /** Sum over the row's supervised tokens: minus the logarithm of their probability. */
  nats: number;
  /** Supervised tokens within max_seq_len. */
  tokens: number;
}

/** How far an export's trial of types is: all types, the smallest file first. */
export interface TypesTriedData {
  /** On the rows of the trial. */
  base_loss: number;
  /** Base and live adapter. */
  tuned_loss: number;
  types: ({
    output_type: string;
    /** Of the whole file. */
    output_bytes: number;
    /** On the rows of the trial; null: not tried, a smaller type keeps enough. */
    export_loss: number | null;
    /** (base - export) / (base - live). */
    kept_share: number | null;
  })[];
}

/** Something the person should know. */
export interface WarningData {
  /** Stable snake_case name. */
  code: string;
  /** What and where, in English. */
  message: string;
  /** What to do. */
  hint: string;
  /** The message's variable parts, for translation. */
  details: Record<string, string>;
}

/** Why the job ended; nothing comes after it. */
export interface ErrorData {
  /** Stable snake_case name. */
  code: string;
  /** What and where, in English. */
  message: string;
  /** What to do. */
  hint: string;
  /** The message's variable parts, for translation. */
  details: Record<string, string>;
}

/** Last line of a job that was done; a flat object whose fields depend on the job. */
export interface ResultData {
  job: "train" | "score" | "tokenize" | "inspect" | "export" | "verify" | "devices" | "bench";
}

/** result.data of a train job */
export interface TrainResult {
  job: "train";
  status: "completed" | "stopped";
  /** Steps done in all. */
  steps: number;
  /** Of the last step; null when no step was done. */
  train_loss: number | null;
  /** Last. */
  val_loss: number | null;
  best_val_loss: number | null;
  /** null when stopped early. */
  adapter_path: string | null;
  last_checkpoint_path: string | null;
  trainable_parameters: number;
  peak_memory_bytes: number;
  /** Mean over the job. */
  tokens_per_second: number;
  duration_ms: number;
}

/** result.data of a score job */
export interface ScoreResult {
  job: "score";
  mean_loss: number;
  perplexity: number;
  /** Supervised tokens scored. */
  tokens: number;
  rows: number;
  peak_memory_bytes: number;
}

/** result.data of a tokenize job */
export interface TokenizeResult {
  job: "tokenize";
  rows: number;
  tokens: number;
  supervised_tokens: number;
  median_tokens: number;
  p95_tokens: number;
  max_tokens: number;
  truncated_rows: number;
  /** Nothing to learn within max_seq_len. */
  empty_rows: number;
  /** Pairs whose answers are the same tokens within max_seq_len. */
  alike_pairs?: number;
  /** Tokens beyond max_seq_len. */
  lost_tokens: number;
  /** Those of them that would be learned. */
  lost_supervised_tokens: number;
  /** Rows of plain text that became several. */
  windowed_rows: number;
  /** Tokens that stand in two of these, learned in the first. */
  repeated_tokens: number;
  /** [upper bound, rows] pairs. */
  length_histogram: ((number)[])[];
  output_path: string;
}

/** result.data of a inspect job */
export interface InspectResult {
  job: "inspect";
  path: string;
  file_size_bytes: number;
  files: (string)[];
  architecture: string;
  name: string | null;
  /** general.basename: the model's name without size and variant. */
  basename?: string | null;
  /** general.size_label, such as 135M. */
  size_label?: string | null;
  /** general.finetune: the variant, such as Instruct. */
  finetune?: string | null;
  license: string | null;
  base_type: string;
  tensor_types: Record<string, number>;
  n_params: number;
  n_layer: number;
  n_embd: number;
  n_head: number;
  n_head_kv: number;
  n_ff: number;
  n_vocab: number;
  n_ctx_train: number;
  tied_head: boolean;
  chat_template: string | null;
  bos_token: string | null;
  /** Whether the tokenizer puts BOS before every text. */
  adds_bos?: boolean;
  eos_token: string | null;
  trainable: boolean;
  /** Why it can't be trained. */
  reason: string | null;
  /** The code that training would end with. */
  reason_code?: string | null;
  /** What to do about it. */
  reason_hint?: string | null;
}

/** result.data of a export job */
export interface ExportResult {
  job: "export";
  format: string;
  output_path: string;
  output_bytes: number;
  output_type: string;
  tensors_merged: number;
  duration_ms: number;
  peak_memory_bytes: number;
  /** feedback: the tuned matrices were rounded with their inputs in mind. */
  rounding: "nearest" | "feedback";
  /** The trial, the smallest file first; empty when nothing was tried. */
  types: ({
    output_type: string;
    /** Of the whole file. */
    output_bytes: number;
    /** On the rows of the trial; null: not tried, a smaller type keeps enough. */
    export_loss: number | null;
    /** (base - export) / (base - live). */
    kept_share: number | null;
  })[];
}

/** result.data of a verify job */
export interface VerifyResult {
  job: "verify";
  base_loss: number;
  /** Base and live adapter. */
  tuned_loss: number;
  export_loss: number;
  /** KL(tuned || export), nats per token. */
  mean_kl_divergence: number;
  /** KL(tuned || base). */
  base_kl_divergence: number;
  /** (base - export) / (base - tuned); null when tuning changed nothing. */
  recovered_share: number | null;
  /** nothing_learned: base and base + adapter predict the same. */
  verdict: "kept" | "degraded" | "lost" | "nothing_learned";
  advice: string | null;
  tokens: number;
  rows: number;
}

/** result.data of a devices job */
export interface DevicesResult {
  job: "devices";
  devices: ({
    /** As the `device` setting takes it. */
    name: string;
    /** The maker's name for it. */
    description: string;
    type: "cpu" | "gpu" | "igpu" | "accel";
    /** CPU, Vulkan, CUDA, Metal … */
    backend: string;
    /** 0 when unknown. */
    memory_total_bytes: number;
    /** 0 when unknown. */
    memory_free_bytes: number;
  })[];
  llama_cpp_release: string;
  cpu_features: string;
}

/** result.data of a bench job */
export interface BenchResult {
  job: "bench";
  mode: string;
  base_type: string;
  max_seq_len: number;
  micro_batch_size: number;
  threads: number;
  /** Median of the timed passes. */
  tokens_per_second: number;
  peak_memory_bytes: number;
  file_size_bytes: number;
  /** What training allocated on the device: weights (not on the CPU, where they stay in the file), adapter and activations. */
  device_memory_bytes?: number;
  /** mode profile: what loops of nothing but multiply-adds in the fastest type of a product reach on the same threads. */
  peak_gflops?: number;
  /** mode profile: where a step's time goes, the largest share first. */
  operations?: ({
    /** A layer and its product, or the kind of operation. */
    operation: string;
    /** Of all operations' time. */
    share: number;
    ms_per_step: number;
    /** 0 where they are not counted. */
    gflops: number;
  })[];
}

/** The result of each job type. */
export interface JobResults {
  train: TrainResult;
  score: ScoreResult;
  tokenize: TokenizeResult;
  inspect: InspectResult;
  export: ExportResult;
  verify: VerifyResult;
  devices: DevicesResult;
  bench: BenchResult;
}

/** The data of each event type. */
export interface EventData {
  hello: HelloData;
  status: StatusData;
  plan: PlanData;
  step: StepData;
  validation: ValidationData;
  checkpoint: CheckpointData;
  progress: ProgressData;
  row_loss: RowLossData;
  types_tried: TypesTriedData;
  warning: WarningData;
  error: ErrorData;
  result: JobResults[keyof JobResults];
}
