import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openDataset, type Dataset, type DatasetBatch } from './dataset.ts';
import { DatasetError, RowError } from './errors.ts';
import { FileAuditor } from './file-audit.ts';
import { fileWarnings } from './file-warnings.ts';
import { hashSegments, type Hash64 } from './hash.ts';
import { ValidationSplit } from './split.ts';
import type { PromptTemplate } from './templates/index.ts';
import { splitLongText } from './text-windows.ts';
import { TokenSink } from './token-sink.ts';
import type {
  ColumnMap,
  DatasetAudit,
  DatasetWarning,
  RowFormat,
  Segment,
  StartTokenizer,
  TokenizeResult,
} from './types.ts';

export interface PrepareOptions {
  /** The dataset file: .jsonl, .json, .csv or .txt. */
  data_path: string;
  /** A file to validate on. With it, nothing is split off. */
  val_path?: string | null;
  /** Share of the rows split off for validation, 0 to 0.5. Default 0. Equal rows always fall on the same side. */
  val_share?: number;
  /** Chooses which rows are split off. Default 1. */
  seed?: number;
  /** Default `auto`: recognised from the first rows. */
  format?: RowFormat | 'auto';
  /** Columns that don't have one of the usual names. */
  columns?: ColumnMap;
  template: PromptTemplate;
  /** Gets train.fjt and val.fjt; made if missing. */
  out_dir: string;
  startTokenizer: StartTokenizer;
  /** Plain text longer than this, in tokens, becomes several rows. Default 0: it stays whole, and its end is cut in training. */
  max_seq_len?: number;
  /**
   * Rows to train on that are enough. Of a large JSONL file that has more, as many are taken in an order that depends on the
   * seed, and the rest is not read. Default: all rows.
   */
  enough_rows?: number | null;
  /** Files smaller than this are read as a whole in any case, for their audit. Default 16 MiB. */
  sample_from_bytes?: number;
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
}

const SAMPLE_FROM_BYTES = 16 * 1024 * 1024;

/**
 * Reads a dataset once, renders its rows and pipes them to tokenize processes. Memory does not grow with the rows, but for
 * 16 bytes each to find duplicates.
 *
 * @throws DatasetError dataset_empty when no row is left to learn from, dataset_cancelled, or any code of openDataset;
 *   the trainer's own error when a tokenize process fails
 */
export async function prepareTokens(options: PrepareOptions): Promise<PreparedTokens> {
  const { data_path, val_path = null, columns = {}, format = 'auto' } = options;
  const data = await openDataset({ path: data_path, format, columns });
  // The same file a second time is its validation split, where it has one.
  const isSame = val_path !== null && resolve(val_path) === resolve(data_path);
  const part = isSame && data.shape?.kind === 'named' && data.shape.validation !== undefined;
  const valData =
    val_path === null
      ? null
      : await openDataset({ path: val_path, format, columns, part: part ? 'validation' : 'train' });
  await mkdir(options.out_dir, { recursive: true });
  const train = new TokenSink(join(options.out_dir, 'train.fjt'), options.startTokenizer);
  const val = new TokenSink(join(options.out_dir, 'val.fjt'), options.startTokenizer);
  try {
    return await new Preparation(options, data, valData, train, val).run();
  } catch (error) {
    train.kill();
    val.kill();
    throw error;
  }
}

class Preparation {
  private readonly preview: DatasetAudit['preview'] = [];
  private readonly warnings: DatasetWarning[];
  private readonly maxExamples: number;
  private readonly options: PrepareOptions;
  private readonly data: Dataset;
  private readonly valData: Dataset | null;
  private readonly train: TokenSink;
  private readonly val: TokenSink;

  constructor(options: PrepareOptions, data: Dataset, valData: Dataset | null, train: TokenSink, val: TokenSink) {
    this.options = options;
    this.data = data;
    this.valData = valData;
    this.train = train;
    this.val = val;
    this.maxExamples = options.max_refused_examples ?? 20;
    this.warnings = [...options.template.warnings];
  }

  async run(): Promise<PreparedTokens> {
    const dataAudit = await this.readData();
    const valAudit = this.valData === null ? null : await this.readValData(this.valData, dataAudit);
    const [trainTokens, valTokens] = await Promise.all([this.train.finish(), this.val.finish()]);
    // Rows whose answer lies beyond max_seq_len are as good as none.
    if (trainTokens === null || trainTokens.empty_rows >= trainTokens.rows)
      throw this.nothingLeft(dataAudit, trainTokens);
    const { template } = this.options;
    const data = dataAudit.result();
    const val_data = valAudit?.result() ?? null;
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
        warnings: this.warnings,
      },
      train_tokens_path: this.train.output_path,
      val_tokens_path: valTokens === null ? null : this.val.output_path,
    };
  }

  private async readData(): Promise<FileAuditor> {
    const { val_share = 0, seed = 1 } = this.options;
    const auditor = new FileAuditor(this.data, this.maxExamples);
    const share = this.valData === null ? val_share : 0;
    const split = new ValidationSplit(share, seed);
    // The first row and its equals are always trained on, so that a few rows can't all fall to validation.
    let first: Hash64 | null = null;
    const { batches, isEnough } = await this.chooseRows(auditor);
    await this.read(batches, auditor, 0, isEnough, (line, segments, hash) => {
      first ??= hash;
      const isFirst = first.low === hash.low && first.high === hash.high;
      (share > 0 && !isFirst && split.isValidation(hash) ? this.val : this.train).add(line, segments);
      if (this.preview.length < (this.options.max_preview_rows ?? 2)) this.preview.push({ line, segments });
    });
    if (auditor.rowsUsed === 0) throw this.nothingLeft(auditor, null);
    if (share > 0 && this.val.rows === 0) {
      this.warn(
        'val_split_empty',
        `No row fell to validation: ${auditor.rowsUsed} rows are too few for a share of ${share}.`,
        'Raise the share or give a validation file.',
        {
          val_share: share,
          rows: auditor.rowsUsed,
        },
      );
    }
    return auditor;
  }

  /** All rows of the file, or as many of them in the seed's order as are enough. */
  private async chooseRows(
    auditor: FileAuditor,
  ): Promise<{ batches: AsyncGenerator<DatasetBatch>; isEnough: () => boolean }> {
    const { enough_rows = null, seed = 1, sample_from_bytes = SAMPLE_FROM_BYTES } = this.options;
    const sample =
      enough_rows === null || this.data.size_bytes < sample_from_bytes
        ? null
        : await this.data.sample(enough_rows, seed);
    if (sample === null || enough_rows === null) return { batches: this.data.batches(), isEnough: () => false };
    auditor.sampledFrom(sample.rows);
    this.train.dataset_rows = sample.rows;
    return { batches: sample.batches, isEnough: () => this.train.rows >= enough_rows };
  }

  private async readValData(dataset: Dataset, trained: FileAuditor): Promise<FileAuditor> {
    const auditor = new FileAuditor(dataset, this.maxExamples);
    let shared = 0;
    const isEnough = () => false;
    await this.read(dataset.batches(), auditor, this.data.size_bytes, isEnough, (line, segments, hash) => {
      if (trained.hashes.has(hash)) shared += 1;
      this.val.add(line, segments);
    });
    const { path } = dataset;
    if (auditor.rowsUsed === 0) throw this.nothingLeft(auditor, null);
    if (shared > 0) {
      this.warn(
        'val_rows_trained_on',
        `${shared} of ${auditor.rowsUsed} validation rows are in the training file too.`,
        'Validation will look better than it is; remove them from one of the files.',
        { path, rows: shared },
      );
    }
    return auditor;
  }

  private async read(
    batches: AsyncGenerator<DatasetBatch>,
    auditor: FileAuditor,
    bytesBefore: number,
    isEnough: () => boolean,
    use: (line: number, segments: Segment[], hash: Hash64) => void,
  ): Promise<void> {
    const { template, signal, onProgress, max_seq_len = 0 } = this.options;
    const total = this.data.size_bytes + (this.valData?.size_bytes ?? 0);
    for await (const { rows, bytes_read } of batches) {
      if (signal?.aborted === true)
        throw new DatasetError('dataset_cancelled', 'Reading the dataset was cancelled.', 'Start again when ready.');
      for (const row of rows) {
        if (isEnough()) break;
        if (row.refusal !== undefined) {
          auditor.refuse(row.line, row.refusal);
          continue;
        }
        let parts: Segment[][];
        try {
          parts = splitLongText(row.conversation, max_seq_len).map((part) => template.renderRow(part));
        } catch (error) {
          if (!(error instanceof RowError)) throw error;
          auditor.refuse(row.line, error);
          continue;
        }
        const hash = hashSegments(parts.flat());
        auditor.use(row.line, hash);
        auditor.noteUnused(
          row.line,
          row.conversation,
          [...row.unused, ...template.notShown(row.conversation)],
          row.value,
        );
        for (const segments of parts) use(row.line, segments, hash);
      }
      await this.train.flush();
      await this.val.flush();
      onProgress?.({ done: bytesBefore + bytes_read, total, unit: 'bytes' });
      if (isEnough()) break;
    }
  }

  private nothingLeft(auditor: FileAuditor, tokens: TokenizeResult | null): DatasetError {
    const { path, rows_read, rows_refused, refused_by_code, refused_examples } = auditor.result();
    const first = refused_examples[0];
    const why =
      tokens !== null
        ? 'no token of an answer is left within max_seq_len.'
        : first === undefined
          ? 'it holds no row.'
          : `all ${rows_refused} rows were refused, the first on line ${first.line}: ${first.message}`;
    return new DatasetError(
      'dataset_empty',
      `Nothing to learn from in ${path}: ${why}`,
      tokens !== null
        ? 'Raise max_seq_len, or shorten the prompts.'
        : 'Correct the rows named above, or choose another format or template.',
      {
        path,
        rows_read,
        rows_refused,
        refused_by_code,
        line: first?.line ?? null,
      },
    );
  }

  private warn(code: string, message: string, hint: string, details: Record<string, unknown>): void {
    this.warnings.push({ code, message, hint, details });
  }
}
