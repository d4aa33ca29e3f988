import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { mostScoredRows, scoredRows, type ValidationSettings } from '../domain/validation.ts';
import { openDataset, type Dataset } from './dataset.ts';
import { rowKindOf, type ObjectiveName } from './objectives.ts';
import { ExampleKeeper } from './example-keeper.ts';
import { FileAuditor, type ReadFile } from './file-audit.ts';
import { fileWarnings } from './file-warnings.ts';
import { hashConversation, HashSet } from './hash.ts';
import { KeptRows, type RankedRow } from './kept-rows.ts';
import { identityOf, RowCache } from './row-cache.ts';
import type { RowList } from './row-list.ts';
import { answersOf, requireGoing, RowRenderer, type RenderedRow } from './row-renderer.ts';
import { placesIn, shuffled, take } from './sample.ts';
import { allHashes, hashSetOf, heldOutHashes, joinHashes, withoutHashes } from './held-out-hashes.ts';
import { HeldOutSplit } from './split.ts';
import {
  allHeldOut,
  datasetChanged,
  heldOutTrainedOn,
  noneHeldOut,
  nothingLeft,
  pairsAlike,
  valRowsTrainedOn,
} from './prepare-notices.ts';
import type { PromptTemplate } from './templates/index.ts';
import { pieceTokens } from './text-windows.ts';
import { TokenSink } from './token-sink.ts';
import type { ColumnMap, DatasetAudit, DatasetWarning, RowFormat, StartTokenizer } from './types.ts';

export interface PrepareOptions {
  /** The dataset file: .jsonl, .json, .csv or .txt. */
  data_path: string;
  /** A file to validate on. With it, nothing is split off. */
  val_path?: string | null;
  /** Share of the rows held out to validate on, 0 to 0.5. Default 0. */
  val_share?: number;
  /** Chooses which rows are held out, and nothing else does. Default 1. */
  split_seed?: number;
  /** How long the run is and how often it validates: how many held-out rows are scored depends on it. */
  validation?: Partial<ValidationSettings>;
  /** The hashes of rows that an earlier run held out, as pairs of their halves: a warning tells how many are learned now. */
  held_out_before?: Uint32Array | null;
  /** Default `auto`: recognised from the first rows. */
  format?: RowFormat | 'auto';
  /** What is to be learned: it decides what the rows must be. Default: rows of any kind, pairs included. */
  objective?: ObjectiveName | undefined;
  /** Columns that don't have one of the usual names. */
  columns?: ColumnMap;
  template: PromptTemplate;
  /** Gets train.fjt and val.fjt; made if missing. */
  out_dir: string;
  startTokenizer: StartTokenizer;
  /** Plain text longer than this, in tokens, becomes several rows, cut by its tokens. Default 0: it stays whole. */
  max_seq_len?: number;
  /** Tokens of such a row that the next begins with, as context. Default 0. */
  text_overlap_tokens?: number;
  /**
   * Rows to train on that are enough. Of a large file that has more, as many are taken at random, and the others are not
   * tokenised. Default: all rows.
   */
  enough_rows?: number | null;
  /** The order in which rows are taken where not all are needed. Default 1. */
  seed?: number;
  /** Files smaller than this are tokenised as a whole in any case, for their audit. Default 16 MiB. */
  sample_from_bytes?: number;
  /** Where to keep what was found in large files, so that they need not be read through again. Default null: nowhere. */
  cache_dir?: string | null;
  /** How many refused rows are kept with their reason. Default 20; all are counted. */
  max_refused_examples?: number;
  /** How many rendered rows the audit shows. Default 2. */
  max_preview_rows?: number;
  /** Aborting ends the tokenize processes and rejects with `dataset_cancelled`. */
  signal?: AbortSignal;
  /** Called once a batch of rows, about 256 KiB of the file. */
  onProgress?: (progress: { done: number; total: number; unit: 'bytes' }) => void;
}

export interface PreparedTokens {
  audit: DatasetAudit;
  train_tokens_path: string;
  /** Null without validation rows. */
  val_tokens_path: string | null;
  /** The hashes of the rows that are held out, scored or not: pairs of low and high halves. */
  held_out: Uint32Array;
}

const SAMPLE_FROM_BYTES = 16 * 1024 * 1024;

/** So many rows of a sample are waited for before their number is made an estimate of the dataset's; then they are handed over. */
const HELD_BACK_ROWS = 5000;
/** Of a file without an index, no more rows than this are taken at random: they are all in memory at once. */
const MOST_PICKED_ROWS = 50_000;
const DEFAULT_VALIDATION: ValidationSettings = {
  max_val_rows: 0,
  eval_steps: 0,
  max_steps: 0,
  epochs: 1,
  micro_batch_size: 1,
  gradient_accumulation_steps: 4,
};

/**
 * Reads a dataset, renders its rows and pipes them to tokenize processes. Which rows are held out follows from what they say and
 * from split_seed. Memory does not grow with the rows, but for 28 bytes each to find duplicates and to choose rows.
 *
 * @throws DatasetError dataset_empty when no row is left to learn from, dataset_changed, dataset_cancelled, or any code of
 *   openDataset; the trainer's own error when a tokenize process fails
 */
export async function prepareTokens(options: PrepareOptions): Promise<PreparedTokens> {
  const { data_path, val_path = null, columns = {}, format = 'auto', objective } = options;
  const identity = identityOf(data_path);
  const data = await openDataset({ path: data_path, format, columns, objective });
  // The same file a second time is its validation split, where it has one.
  const isSame = val_path !== null && resolve(val_path) === resolve(data_path);
  const part = isSame && data.shape?.kind === 'named' && data.shape.validation !== undefined;
  const valData =
    val_path === null
      ? null
      : await openDataset({ path: val_path, format, columns, objective, part: part ? 'validation' : 'train' });
  await mkdir(options.out_dir, { recursive: true });
  const train = new TokenSink(join(options.out_dir, 'train.fjt'), options.startTokenizer);
  const val = new TokenSink(join(options.out_dir, 'val.fjt'), options.startTokenizer);
  train.row_kind = rowKindOf(data.format);
  val.row_kind = rowKindOf((valData ?? data).format);
  train.isText = data.format === 'text';
  val.isText = (valData ?? data).format === 'text';
  try {
    const prepared = await new Preparation(options, data, valData, train, val, identity).run();
    if (identityOf(data_path) !== identity) throw datasetChanged(data_path);
    return prepared;
  } catch (error) {
    train.kill();
    val.kill();
    throw error;
  }
}

class Preparation {
  private readonly preview: DatasetAudit['preview'] = [];
  private shown = new ExampleKeeper();
  private readonly warnings: DatasetWarning[];
  private readonly maxExamples: number;
  private readonly options: PrepareOptions;
  private readonly data: Dataset;
  private readonly valData: Dataset | null;
  private readonly train: TokenSink;
  private readonly val: TokenSink;
  private readonly identity: string;
  private split: HeldOutSplit;
  private readonly validation: ValidationSettings;
  private readonly cache: RowCache;
  /** Rows of the dataset to train on, and held out; long texts count as their windows. */
  private trainRows = 0;
  private heldOutRows = 0;

  constructor(
    options: PrepareOptions,
    data: Dataset,
    valData: Dataset | null,
    train: TokenSink,
    val: TokenSink,
    identity: string,
  ) {
    this.options = options;
    this.data = data;
    this.valData = valData;
    this.train = train;
    this.val = val;
    this.identity = identity;
    this.split = new HeldOutSplit(valData === null ? (options.val_share ?? 0) : 0, options.split_seed ?? 1);
    this.validation = { ...DEFAULT_VALIDATION, ...options.validation };
    this.cache = new RowCache(options.cache_dir ?? null);
    this.maxExamples = options.max_refused_examples ?? 20;
    this.warnings = [...options.template.warnings];
  }

  async run(): Promise<PreparedTokens> {
    const auditor = (await this.readSome()) ?? (await this.readAll());
    const isSample = this.train.dataset_rows > 0;
    if (this.train.rows === 0 && this.val.rows === 0) throw nothingLeft(auditor, null);
    const before = this.heldOutBefore(auditor.rows);
    const valAuditor = this.valData === null ? null : await this.readValData(this.valData, auditor);
    const scored = this.val.rows;
    const [trainTokens, valTokens] = await Promise.all([this.train.finish(), this.val.finish()]);
    // Rows whose answer lies beyond max_seq_len are as good as none.
    if (trainTokens === null || trainTokens.empty_rows + (trainTokens.alike_pairs ?? 0) >= trainTokens.rows)
      throw nothingLeft(auditor, trainTokens);
    const { options } = this;
    const { template } = options;
    const data = auditor.result(template);
    const val_data = valAuditor?.result(template) ?? null;
    const alike = (trainTokens.alike_pairs ?? 0) + (valTokens?.alike_pairs ?? 0);
    if (alike > 0) this.warnings.push(pairsAlike(alike, options.max_seq_len ?? 0));
    this.warnings.push(...fileWarnings(data), ...(val_data === null ? [] : fileWarnings(val_data)));
    return {
      audit: {
        data,
        val_data,
        template: template.name,
        template_reason: template.reason,
        preview: this.preview,
        train: trainTokens,
        val: valTokens,
        split: {
          source: this.valData !== null ? 'file' : this.split.val_share > 0 ? 'share' : 'none',
          split_seed: this.split.split_seed,
          val_share: this.split.val_share,
          held_out_rows: this.heldOutRows,
          scored_rows: scored,
          train_rows: this.trainRows,
          sampled_rows: isSample ? this.train.rows : null,
        },
        examples: this.shown.examples,
        system_prompt: this.shown.system_prompt,
        warnings: this.warnings,
      },
      train_tokens_path: this.train.output_path,
      val_tokens_path: valTokens === null ? null : this.val.output_path,
      held_out: joinHashes(
        valAuditor === null ? heldOutHashes(auditor.rows, this.split) : allHashes(valAuditor.rows),
        before,
      ),
    };
  }

  /** Renders all rows; those held out that come first by their hash are kept until it is known how many are scored. */
  private async readAll(): Promise<FileAuditor> {
    const auditor = new FileAuditor(this.data, this.maxExamples);
    const kept = new KeptRows(mostScoredRows(this.validation));
    for await (const rows of this.renderer().batches(this.data.batches(), auditor)) {
      for (const row of rows) {
        const isHeldOut = this.split.isHeldOut(row.rank);
        this.shown.note(isHeldOut ? 'val' : 'train', row.conversation);
        if (isHeldOut) keep(row, kept);
        else this.learn(row);
      }
      await this.train.flush();
    }
    await this.cache.keep(this.data, auditor.read(), this.identity);
    this.trainRows = this.train.rows;
    this.heldOutRows = kept.seen;
    if (this.train.rows === 0 && kept.seen > 0) {
      // The rows are so few that all of them fell to validation: they are learned, since there is nothing else.
      this.warnings.push(allHeldOut(auditor.rowsUsed, this.split.split_seed));
      this.split = new HeldOutSplit(0, this.split.split_seed);
      this.shown = new ExampleKeeper();
      return await this.readAll();
    }
    if (this.split.val_share > 0 && kept.seen === 0)
      this.warnings.push(noneHeldOut(auditor.rowsUsed, this.split.val_share));
    await this.score(kept.first(scoredRows(this.validation, this.trainRows, this.heldOutRows)));
    return auditor;
  }

  /**
   * Renders as many rows as are enough, taken at random from all of the file. Null where all are needed, or a small file is read
   * sooner than chosen from.
   */
  private async readSome(): Promise<FileAuditor | null> {
    const { enough_rows = null, seed = 1, sample_from_bytes = SAMPLE_FROM_BYTES } = this.options;
    const { data, split } = this;
    if (enough_rows === null || data.size_bytes < sample_from_bytes) return null;
    if (!data.has_index && enough_rows > MOST_PICKED_ROWS) return null;
    const known = (await this.cache.load(data)) ?? (await this.readThrough());
    const { trained, heldOut } = split.sides(known.rows);
    if (trained.length <= enough_rows) return null;

    const auditor = new FileAuditor(data, this.maxExamples, known);
    const wanted = scoredRows(this.validation, trained.length, heldOut.length === 0 ? 0 : Infinity);
    const trainedRows = placesIn(trained, shuffled(trained.length, seed));
    const heldOutRows = heldOut.values();
    const renderer = this.renderer();
    let scored = 0;
    let read = 0;
    for (;;) {
      const numbers = [...take(trainedRows, enough_rows - this.train.rows), ...take(heldOutRows, wanted - scored)];
      if (numbers.length === 0) break;
      for await (const rows of renderer.seen(data.rowsAt(numbers, known.rows.places), auditor)) {
        for (const row of rows) {
          if (split.isHeldOut(row.rank)) {
            this.shown.note('val', row.conversation);
            for (const part of row.parts.slice(0, wanted - scored)) {
              this.val.add(row.line, part);
              scored += 1;
            }
          } else if (this.train.rows < enough_rows) {
            this.shown.note('train', row.conversation);
            this.learn(row);
            read += 1;
          }
        }
        if (this.train.rows < HELD_BACK_ROWS) continue;
        this.noteDatasetRows(trained.length, read);
        await this.train.flush();
        await this.val.flush();
      }
    }
    this.noteDatasetRows(trained.length, read);
    this.trainRows = this.train.dataset_rows;
    this.heldOutRows = Math.max(scored, Math.round((heldOut.length * this.trainRows) / trained.length));
    return auditor;
  }

  /** How many rows all of the dataset would give: as many windows each as those of it that were taken. */
  private noteDatasetRows(trained: number, read: number): void {
    if (this.train.dataset_rows === 0 && read > 0) {
      this.train.dataset_rows = Math.max(this.train.rows, Math.round((trained * this.train.rows) / read));
    }
  }

  /** Finds out which rows the file has, and renders none. */
  private async readThrough(): Promise<ReadFile> {
    const auditor = new FileAuditor(this.data, this.maxExamples);
    for await (const { rows, bytes_read } of this.data.batches()) {
      requireGoing(this.options.signal);
      for (const row of rows) {
        if (row.refusal !== undefined) auditor.refuse(row.line, row.refusal);
        else auditor.see(row, hashConversation(row.conversation));
      }
      this.tell(bytes_read);
    }
    const found = auditor.read();
    await this.cache.keep(this.data, found, this.identity);
    return found;
  }

  private async readValData(dataset: Dataset, trained: FileAuditor): Promise<FileAuditor> {
    const auditor = new FileAuditor(dataset, this.maxExamples);
    const kept = new KeptRows(mostScoredRows(this.validation));
    let shared = 0;
    for await (const rows of this.renderer(this.data.size_bytes).batches(dataset.batches(), auditor)) {
      for (const row of rows) {
        if (trained.has(row.hash)) shared += 1;
        this.shown.note('val', row.conversation);
        keep(row, kept);
      }
    }
    this.heldOutRows = kept.seen;
    await this.score(kept.first(scoredRows(this.validation, this.trainRows, this.heldOutRows)));
    if (auditor.rowsUsed === 0) throw nothingLeft(auditor, null);
    if (shared > 0) this.warnings.push(valRowsTrainedOn(dataset.path, shared, auditor.rowsUsed));
    return auditor;
  }

  /** @param bytes_before read of another file */
  private renderer(bytes_before = 0): RowRenderer {
    const { template, max_seq_len = 0, text_overlap_tokens = 0, signal } = this.options;
    const piece = pieceTokens(max_seq_len, text_overlap_tokens);
    return new RowRenderer(template, piece, this.split, signal, (done) => this.tell(bytes_before + done));
  }

  private learn({ line, parts }: RenderedRow): void {
    for (const row of parts) {
      this.train.add(line, row);
      if (this.preview.length >= (this.options.max_preview_rows ?? 2)) continue;
      for (const { segments, part } of answersOf(row))
        this.preview.push({ line, segments, ...(part !== null && { part }) });
    }
  }

  private async score(rows: RankedRow[]): Promise<void> {
    for (const { line, row } of rows) {
      this.val.add(line, row);
      if (this.val.rows % 256 === 0) await this.val.flush();
    }
    await this.val.flush();
  }

  /** Warns of rows that an earlier run held out and that are learned now. Returns the others, which stay held out. */
  private heldOutBefore(rows: RowList): Uint32Array {
    const { held_out_before = null } = this.options;
    if (held_out_before === null) return new Uint32Array();
    const before = hashSetOf(held_out_before);
    const learned = new HashSet();
    let count = 0;
    for (let at = 0; at < rows.length; at++) {
      const hash = rows.hashAt(at);
      if (this.split.isHeldOut(this.split.rankOf(hash)) || !before.has(hash)) continue;
      learned.add(hash);
      count += 1;
    }
    if (count === 0) return held_out_before;
    this.warnings.push(heldOutTrainedOn(count));
    return withoutHashes(held_out_before, learned);
  }

  private tell(done: number): void {
    const total = this.data.size_bytes + (this.valData?.size_bytes ?? 0);
    this.options.onProgress?.({ done: Math.min(done, total), total, unit: 'bytes' });
  }
}

function keep({ line, rank, parts }: RenderedRow, kept: KeptRows): void {
  for (const [part, row] of parts.entries()) kept.add({ rank, line, part, row });
}
