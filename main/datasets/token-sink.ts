import type { RowKind, StartTokenizer, TokenizeProcess, TokenizeResult, TokenRow } from './types.ts';

const LINE_END = 10;
/** Room for the rows of a batch: 256 KiB of the dataset, and what the template adds. */
const PENDING_BYTES = 640 * 1024;

/** One token file being written: a tokenize process that starts with the first row, and is never fed faster than it reads. */
export class TokenSink {
  readonly output_path: string;
  rows = 0;
  row_kind: RowKind = 'rows';
  /** Its rows are plain text: one that is too long becomes several. */
  isText = false;
  /** Rows of the dataset to train on, where only a sample of them is added; to be set before the first flush. */
  dataset_rows = 0;
  private pending = Buffer.alloc(0);
  private pendingBytes = 0;
  private process: TokenizeProcess | null = null;
  private failure: Promise<never> | null = null;
  private readonly start: StartTokenizer;

  constructor(output_path: string, start: StartTokenizer) {
    this.output_path = output_path;
    this.start = start;
  }

  add(line: number, { segments, rejected, desirable }: TokenRow): void {
    this.rows += 1;
    const text = JSON.stringify({
      row: line,
      segments,
      ...(rejected !== undefined && { rejected }),
      ...(desirable !== undefined && { desirable: desirable ? 1 : 0 }),
      ...(this.isText && { windows: 1 }),
    });
    // Straight to bytes: one long text of all rows would be put together and converted once more. A character has at most three
    // bytes for each of its UTF-16 halves.
    const least = this.pendingBytes + 3 * text.length + 1;
    if (least > this.pending.length) this.grow(least);
    this.pendingBytes += this.pending.write(text, this.pendingBytes);
    this.pending[this.pendingBytes++] = LINE_END;
  }

  /** Hands what was added to the process, and waits while it has enough. @throws the trainer's error */
  async flush(): Promise<void> {
    if (this.pendingBytes === 0) return;
    const { stdin } = (this.process ??= this.open());
    const bytes = this.pending.subarray(0, this.pendingBytes);
    // The stream keeps the bytes until they are written.
    this.pending = Buffer.alloc(0);
    this.pendingBytes = 0;
    if (stdin.write(bytes)) return;
    let resume!: () => void;
    const drained = new Promise<void>((resolve) => {
      resume = resolve;
      stdin.once('drain', resolve);
    });
    try {
      await Promise.race([drained, this.failure!]);
    } finally {
      stdin.removeListener('drain', resume);
    }
  }

  /** Ends the input and waits for the counts; null when there was no row. @throws the trainer's error */
  async finish(): Promise<TokenizeResult | null> {
    await this.flush();
    if (this.process === null) return null;
    this.process.stdin.end();
    return await this.process.result;
  }

  kill(): void {
    this.process?.kill();
  }

  private grow(least: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(PENDING_BYTES, 2 * this.pending.length, least));
    this.pending.copy(grown, 0, 0, this.pendingBytes);
    this.pending = grown;
  }

  private open(): TokenizeProcess {
    const process = this.start(this.output_path, this.dataset_rows, this.row_kind);
    // A process that died breaks the pipe; its own error, in `result`, says why.
    process.stdin.on('error', () => undefined);
    this.failure = process.result.then(
      () => {
        throw new Error('The tokenize process ended before its input did.');
      },
      (error: unknown) => {
        throw error;
      },
    );
    this.failure.catch(() => undefined);
    return process;
  }
}
