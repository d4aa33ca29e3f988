/**
 * The shapes that the datasets layer shares with its users: settings carry their snake_case names from the screen to here.
 */
import type { DatasetErrorCode, WarningCode } from '../contracts/codes.ts';
import type { FieldQuestion, RefusalCode } from '../contracts/refusals.ts';

import type { COLUMN_PARTS, ROW_FORMATS, ROW_PARTS, TEMPLATES } from '../contracts/shapes/datasets.ts';

/** How the bytes of a file become rows. */
export type FileKind = 'jsonl' | 'json' | 'csv' | 'txt';

/** What the columns of a row mean. */
export type RowFormat = (typeof ROW_FORMATS)[number];

/** How a row becomes a prompt: the model's own chat template, or one of the two Alpaca ones. */
export type TemplateName = (typeof TEMPLATES)[number];

/** `auto` takes the model's template where the file has one, and `alpaca` where it has none. */
export type TemplateChoice = TemplateName | 'auto';

/** Which column of the file plays which part of a format, e.g. `{ instruction: 'task', output: 'gold' }`. */
export type ColumnMap = Partial<Record<ColumnPart, string>>;

export type ColumnPart = (typeof COLUMN_PARTS)[number];

/** Which answer a rendered row has, in preference data. */
export type RowPart = (typeof ROW_PARTS)[number];

/** Why one row can't be used: a stable code, and a sentence with the particulars of this row. */
export interface Refusal {
  code: RefusalCode;
  message: string;
  /** The message's variable parts, for translation. */
  details?: RefusalDetails;
}

export type RefusalDetails = Readonly<Record<string, string | number>>;

/**
 * One row as it was read: the line where it starts (1-based, physical), and its columns or why it was refused. `place` is what an index
 * finds it by where that is not its line: an element's number in a JSON file, since all of them may be on one line.
 */
export type ReadRow =
  | { line: number; place?: number; value: Record<string, unknown>; refusal?: undefined }
  | { line: number; place?: number; value?: undefined; refusal: Refusal };

/** Where the rows of a JSON file are. */
export type FileShape =
  | { kind: 'list' | 'objects' | 'entries' | 'columns' }
  | {
      kind: 'named';
      list: string;
      /** Properties beside the list. */
      not_read: string[];
      /** Those of them that are lists of objects, too. */
      other_lists: { name: string; rows: number }[];
      /** The one of them that is the validation split by its name. */
      validation?: string;
    };

/** Rows come in batches, about one a chunk of the file, so that a row costs no promise of its own. */
export interface RowBatch {
  rows: ReadRow[];
  /** Bytes of the file read so far. */
  bytes_read: number;
}

/** A file being read; each call of `batches` reads it from its start. */
export interface RowReader {
  kind: FileKind;
  path: string;
  size_bytes: number;
  /** CSV: the delimiter that was found. */
  delimiter?: string;
  /** JSON: where in it the rows were found. */
  shape?: FileShape;
  batches(): AsyncGenerator<RowBatch, void, undefined>;
  /** Where rows can be read one by one: finds them all, at the speed of the disk, or takes where they start as it was found before. */
  index?(starts?: Float64Array): Promise<RowIndex>;
}

/** The rows of a file by their place (ReadRow), which can be read in any order. */
export interface RowIndex {
  /** All that the index knows, as numbers that can be kept with the file's identity. */
  starts: Float64Array;
  read(places: Iterable<number>): AsyncGenerator<ReadRow[], void, undefined>;
}

export type Role = 'system' | 'user' | 'assistant' | 'tool';

/** A call of a tool as chat templates take it. */
export interface ToolCall {
  id?: string;
  type: 'function';
  function: { name: string; arguments: unknown };
}

export interface ChatMessage {
  role: Role;
  /** May be empty in an answer that calls tools. */
  content: string;
  /** False for an answer that is context only (OpenAI's `weight: 0`). Default true. */
  supervised?: boolean;
  /** What an answer's writer thought before it. */
  reasoning?: string;
  /** Never an empty list. */
  tool_calls?: ToolCall[];
  /** Of a tool's answer: which tool, and which call it answers. */
  name?: string;
  tool_call_id?: string;
}

/** A row of turns. */
export interface ChatConversation {
  kind: 'chat';
  messages: ChatMessage[];
  /** Tools that the assistant may call, as chat templates take them. */
  tools?: unknown[];
  alpaca?: { instruction: string; input: string };
  /** A pair: the whole conversation with the rejected answer; `messages` has the chosen one. What both begin with is not learned. */
  rejected?: ChatMessage[];
  /** A labelled answer: whether it is a good one. */
  desirable?: boolean;
  /** Turns that stood behind the last answer and were left out. */
  dropped_turns?: number;
}

/** A row in the one shape that templates understand. */
export type Conversation =
  | ChatConversation
  /** `continues`: the next row goes on with the same text, so no EOS follows. */
  | { kind: 'text'; text: string; continues?: boolean };

/**
 * A piece of a row's text, and 1 where the model learns to write it. Neighbours of a kind are tokenised together. `literal` is
 * set on what a person wrote that could be taken for a control token's mark, and must not be.
 */
export type Segment = [text: string, supervised: 0 | 1, literal?: 1];

/** A row as the tokenize job takes it: rendered, a pair with both of its answers. */
export interface TokenRow {
  segments: Segment[];
  rejected?: Segment[];
  desirable?: boolean;
}

/** What a template needs to know of a model; the trainer's `inspect` result has all of it. */
export interface ModelText {
  /** The Jinja template in the file's `tokenizer.chat_template`, or null. */
  chat_template: string | null;
  bos_token: string | null;
  eos_token: string | null;
  /** The day that templates print as today; default: today. */
  date?: Date | undefined;
}

/** What a `tokenize` job answers when it is done. Counts are of tokens or of rows. */
export interface TokenizeResult {
  rows: number;
  tokens: number;
  supervised_tokens: number;
  median_tokens: number;
  p95_tokens: number;
  max_tokens: number;
  truncated_rows: number;
  empty_rows: number;
  /** Tokens beyond max_seq_len, and those of them that would be learned. */
  lost_tokens: number;
  lost_supervised_tokens: number;
  /** Rows of plain text that became several, and tokens that stand in two of these. */
  windowed_rows: number;
  repeated_tokens: number;
  /** Pairs whose answers are the same tokens within max_seq_len. */
  alike_pairs?: number;
  length_histogram: [upper_bound: number, count: number][];
}

/** A running `forja-trainer` tokenize job, started by the caller. */
export interface TokenizeProcess {
  /** Takes rows as JSON Lines `{"row":<line>,"segments":[["text",0|1,1 if literal],…],"windows":1 if plain text}`; of pairs with `rejected`, of labelled rows with `desirable`. */
  stdin: NodeJS.WritableStream;
  /** Resolves after stdin ended; rejects with the trainer's error. */
  result: Promise<TokenizeResult>;
  /** Ends the process at once. */
  kill(): void;
}

/**
 * Starts a tokenize job that writes `output_path`; the caller knows the model, max_seq_len and where the trainer is.
 * `dataset_rows`: rows of the dataset to train on, where only a sample of them comes.
 */
export type StartTokenizer = (output_path: string, dataset_rows?: number, row_kind?: RowKind) => TokenizeProcess;

/** What the rows of a token file are to each other; the `row_kind` of a tokenize job. */
export type RowKind = 'rows' | 'pairs' | 'labelled';

/** Something worth telling that stops nothing. */
export interface DatasetWarning {
  /** An error's where the work goes on without what failed. */
  code: WarningCode | DatasetErrorCode;
  message: string;
  hint: string;
  details: Record<string, unknown>;
}

/** A column, or a field of turns (`messages[].name`), that holds something and is not used. */
export interface UnusedField {
  field: string;
  rows: number;
  /** Why it looks like it changes what the rows mean; null where it doesn't. */
  question: FieldQuestion | null;
}

/** What is known of one file after it was read through. */
export interface FileAudit {
  path: string;
  kind: FileKind;
  /** Where in a JSON file the rows are; absent for other files. */
  shape?: FileShape | undefined;
  format: RowFormat;
  /** How the format was found, in a sentence. */
  format_reason: string;
  /** Which column plays which part. */
  columns: ColumnMap;
  size_bytes: number;
  rows_read: number;
  /** Only in audits of older runs: rows of the file, where no more than a sample of them was read. */
  rows_sampled_from?: number | null;
  rows_used: number;
  rows_refused: number;
  /** How many rows were refused, by reason. */
  refused_by_code: Partial<Record<RefusalCode, number>>;
  /** The first refused rows. `line` is 1-based. */
  refused_examples: ({ line: number } & Refusal)[];
  /** Rows whose rendered text had come before, in this file. They are kept. */
  duplicate_rows: number;
  duplicate_examples: { line: number }[];
  /** What of the rows that are used is not used, the most frequent first; audits of older runs have none. */
  unused_fields?: UnusedField[];
  /** Rows whose last turns, behind the last answer, were left out, and the first of them. */
  rows_with_dropped_turns?: number;
  dropped_turns_line?: number | null;
}

/** Which rows are held out to validate on, and how many of the dataset's rows a run gets. Rows of long texts are their windows. */
export interface SplitAudit {
  /** Where the held-out rows come from: a share of the dataset, a file of their own, or there are none. */
  source: 'share' | 'file' | 'none';
  split_seed: number;
  val_share: number;
  /** Rows of the dataset, or of the file, that are never trained on. */
  held_out_rows: number;
  /** How many of them are scored at each validation: the first by their hash. */
  scored_rows: number;
  /** Rows of the dataset to train on. */
  train_rows: number;
  /** How many of those were read, at random, where max_steps ends the run before it needs more; null: all. */
  sampled_rows: number | null;
}

/** A question of a dataset as one would ask it in a chat, with the answer that its row has. */
export interface Example {
  /** Empty where the row has none. */
  system: string;
  prompt: string;
  answer: string;
}

/** Everything that is said of a dataset before training. */
export interface DatasetAudit {
  data: FileAudit;
  /** The file of `val_path`, if one was given. */
  val_data: FileAudit | null;
  template: TemplateName;
  /** Why this template, in a sentence. */
  template_reason: string;
  /** The first rows as the model will see them. */
  preview: { line: number; segments: Segment[]; part?: RowPart }[];
  /** Tokens of the training part, and of the validation part. */
  train: TokenizeResult;
  val: TokenizeResult | null;
  /** Audits of older runs have none. */
  split?: SplitAudit;
  /** What a few rows ask and answer: of the validation part where it has any. */
  examples: Example[];
  /** What every row tells the model first; null where rows tell it nothing, or not the same. */
  system_prompt: string | null;
  warnings: DatasetWarning[];
}
