import type { TrainSettings } from '../../contracts/protocol-types.ts';
import { trainableParameters, type ModelSizes, type TunedLayers } from '../lora-parameters.ts';

/** What of a model the memory of training depends on. */
export interface TrainedModel extends ModelSizes {
  n_vocab: number;
  n_params: number;
  /** All parts of the file. */
  file_size_bytes: number;
  /** Blocks have more than attention and a feed-forward network (experts, convolutions, delta nets): the estimate is rough. */
  has_other_layers?: boolean;
}

/** The settings that memory depends on; names as in native/protocol. */
export interface MemorySettings extends TunedLayers {
  max_seq_len: number;
  micro_batch_size: number;
  gradient_accumulation_steps: number;
  /** -1: the trainer's default. */
  activation_budget_bytes: number;
  /** Of dpo and orpo, a row is a pair of sequences that stay together. */
  objective: ObjectiveName;
  /** A GPU takes a micro-batch in one pass. */
  on_cpu: boolean;
}

type ObjectiveName = TrainSettings['objective'];

/** Sequences in a row: a pair has two. */
export function sequencesOf(objective: ObjectiveName): number {
  return objective === 'dpo' || objective === 'orpo' ? 2 : 1;
}

/** The rows that will be learned from, where they are known: shorter rows need less. */
export interface RowLengths {
  rows: number;
  tokens: number;
  supervised_tokens: number;
  max_tokens: number;
}

export interface MemoryParts {
  weights_bytes: number;
  adapter_bytes: number;
  activations_bytes: number;
  other_bytes: number;
  total_bytes: number;
}

// The numbers of native/src/train/engine.cpp.
const DEFAULT_ACTIVATION_BUDGET = 80 * 2 ** 20;
const HEAD_LOGITS_BYTES = 32 * 2 ** 20;
/** What blocks' inputs may take on the CPU before some are computed twice, unless the file is so large that an eighth is more. */
const LEAST_INPUT_BUDGET = 160 * 2 ** 20;
/** Short rows share a pass up to here, and on the CPU longer ones don't: pass_tokens() of native/src/train/row-order.cpp. */
const FAST_PASS_TOKENS = 512;
const MAX_PARTIAL_BYTES = 64 * 2 ** 20;

/** Program, libraries and the memory in which graphs are described; measured on models of no size. */
const PROCESS_BYTES = 10e6;
/** What the process takes when it starts, before any of this. */
const START_BYTES = 25e6;
/** The vocabulary with its texts and merges, each token. */
const VOCAB_ENTRY_BYTES = 120;
/** Value, gradient and AdamW's two moments, F32. */
const TRAINED_PARAMETER_BYTES = 16;
/** A checkpoint gathers the adapter and its file in memory before it is written. */
const CHECKPOINT_PARAMETER_BYTES = 8;

/**
 * What the trainer's process holds at its peak. It follows native/src/train/engine.cpp: the file is mapped; inputs of all
 * blocks are kept, or on the CPU of one in a few; inner values of as many blocks as the budget allows; one graph's intermediate values at a time,
 * of which the largest is a block's way back or a chunk of the output head.
 *
 * @param rows null before there is a dataset: then every row is as long as max_seq_len, and all of it is learned
 */
export function estimateMemory(model: TrainedModel, settings: MemorySettings, rows: RowLengths | null): MemoryParts {
  const trainable = trainableParameters(model, settings);
  const { n_tokens, n_supervised, n_seq } = largestPass(settings, rows);
  const adapter_bytes = trainable * (TRAINED_PARAMETER_BYTES + CHECKPOINT_PARAMETER_BYTES);
  const activations_bytes = activationBytes(model, settings, n_tokens, n_supervised, n_seq);
  const weights_bytes = model.file_size_bytes;
  const other_bytes = otherBytes(model, weights_bytes + adapter_bytes + activations_bytes);
  return {
    weights_bytes,
    adapter_bytes,
    activations_bytes: Math.round(activations_bytes),
    other_bytes: Math.round(other_bytes),
    total_bytes: Math.round(weights_bytes + adapter_bytes + activations_bytes + other_bytes),
  };
}

/** As estimateMemory, were all weights trained: F32 weights, gradients and moments, and the same activations. */
export function estimateFullMemory(
  model: TrainedModel,
  settings: MemorySettings,
  rows: RowLengths | null,
): MemoryParts {
  const { n_tokens, n_supervised, n_seq } = largestPass(settings, rows);
  const weights_bytes = 4 * model.n_params;
  const adapter_bytes = 12 * model.n_params;
  const activations_bytes = Math.round(activationBytes(model, settings, n_tokens, n_supervised, n_seq));
  const other_bytes = Math.round(otherBytes(model, weights_bytes + adapter_bytes + activations_bytes));
  const total_bytes = weights_bytes + adapter_bytes + activations_bytes + other_bytes;
  return { weights_bytes, adapter_bytes, activations_bytes, other_bytes, total_bytes };
}

/** Of the process itself, beside the rest. */
function otherBytes({ n_vocab }: TrainedModel, rest: number): number {
  return Math.max(PROCESS_BYTES + VOCAB_ENTRY_BYTES * n_vocab, START_BYTES - rest);
}

/** Tokens of the largest pass that is likely: one row of the longest, the others of the usual length. */
function largestPass(settings: MemorySettings, rows: RowLengths | null) {
  const { micro_batch_size, gradient_accumulation_steps, max_seq_len, on_cpu } = settings;
  const group = sequencesOf(settings.objective);
  if (rows === null || rows.rows === 0) {
    const rowsAPass = on_cpu
      ? Math.min(micro_batch_size, Math.max(1, Math.floor(FAST_PASS_TOKENS / (group * max_seq_len))))
      : micro_batch_size;
    const n_tokens = rowsAPass * group * max_seq_len;
    return { n_tokens, n_supervised: n_tokens, n_seq: rowsAPass * group };
  }
  // Both answers of a pair are as long as the longest of any, at the most.
  const longest = group * Math.min(max_seq_len, rows.max_tokens);
  const usual = Math.min(longest, rows.tokens / rows.rows);
  const n_seq = on_cpu ? 1 : Math.min(micro_batch_size, rows.rows);
  // Of many rows a few are long at once.
  const others = usual + (longest - usual) / (1 + Math.sqrt(n_seq));
  const ofMicroBatch = longest + (n_seq - 1) * others;
  const rowsPerStep = Math.min(micro_batch_size * gradient_accumulation_steps, rows.rows);
  const packed = Math.min(micro_batch_size * max_seq_len, FAST_PASS_TOKENS, longest + (rowsPerStep - 1) * usual);
  const n_tokens = Math.max(ofMicroBatch, packed);
  return {
    n_tokens,
    n_supervised: (n_tokens * rows.supervised_tokens) / Math.max(1, rows.tokens),
    n_seq: group * Math.max(n_seq, Math.min(rowsPerStep, Math.round(n_tokens / usual))),
  };
}

function activationBytes(
  model: TrainedModel,
  settings: MemorySettings,
  n_tokens: number,
  n_supervised: number,
  n_seq: number,
): number {
  const { n_layer, n_embd, n_head, n_head_kv, n_ff, n_vocab } = model;
  const n_embd_head = model.n_embd_head ?? n_embd / n_head;
  const n_q = n_embd_head * n_head;
  const n_kv = n_embd_head * n_head_kv;
  const r = settings.lora_rank * settings.target_modules.length;

  // One slot for each block's input that is kept and the last one's output, and two for gradients.
  const slotBytes = 4 * n_embd * n_tokens;
  const inputBudget = settings.on_cpu
    ? Math.max(LEAST_INPUT_BUDGET, model.file_size_bytes / 8)
    : Number.POSITIVE_INFINITY;
  const slots = slotBytes * (inputSlots(n_layer, Math.floor(inputBudget / slotBytes)) + 2);

  // Kept in BF16, but for attention's output with the log-sum-exp of each head.
  const keptPerBlock = n_tokens * (2 * (n_q + 2 * n_kv + 2 * n_embd + 2 * n_ff + r) + 4 * (n_q + n_head));
  const { activation_budget_bytes: wanted } = settings;
  const budget = wanted < 0 ? DEFAULT_ACTIVATION_BUDGET : wanted;
  const n_kept = Math.min(n_layer, Math.floor(budget / keptPerBlock));

  // A block's way back, at the gated product: what the linear layers need, read back or computed again, in F32.
  // DoRA's scaled outputs stand beside what they were made of.
  const scaled = settings.method === 'dora' ? 2 * n_ff : 0;
  const feedForward = 4 * n_tokens * (3.5 * n_embd + 2 * n_q + 2 * n_kv + 5 * n_ff + r + scaled);
  // … and at attention, where each chunk of keys sums its own dq.
  const tiles = Math.ceil(n_tokens / n_seq / 64);
  const chunks = Math.min(
    Math.ceil(16 / (n_seq * n_head_kv)),
    8,
    Math.max(1, tiles),
    1 + Math.floor(MAX_PARTIAL_BYTES / (4 * n_tokens * n_q)),
  );
  const attention = 4 * n_tokens * (2 * n_embd + (3 + chunks) * n_q + 4 * n_kv);
  // Logits, and the hidden rows before and after the norm with their gradients: rows of six bytes a token, four and half as many rows
  // again where the gradients lie in the logits' place, or four with a BF16 copy of two beside them.
  const chunk = Math.min(n_supervised, Math.max(16, Math.floor(HEAD_LOGITS_BYTES / (4 * n_vocab))));
  const head = chunk * (6 * n_vocab + 18 * n_embd);

  return slots + n_kept * keptPerBlock + Math.max(feedForward, attention, head);
}

/** As input_slots of native/src/train/input-slots.cpp: each block's input, or every few blocks' and those between two kept ones. */
function inputSlots(n_layer: number, most: number): number {
  const count = (stride: number) => Math.ceil(n_layer / stride) + stride;
  const strides = Array.from({ length: n_layer }, (_, at) => at + 1);
  const fewest = Math.min(...strides.map(count));
  return strides.map(count).find((slots) => slots <= most) ?? fewest;
}
