import type { Segment, StartTokenizer, TokenizeProcess, TokenizeResult } from './types.ts';

/** One token file being written: a tokenize process that starts with the first row, and is never fed faster than it reads. */
export class TokenSink {
  readonly output_path: string;
  rows = 0;
  /** Rows of the file, where only a sample of them is added; to be set before the first flush. */
  dataset_rows = 0;
  private pending = '';
  private process: TokenizeProcess | null = null;
  private failure: Promise<never> | null = null;
  private readonly start: StartTokenizer;

  constructor(output_path: string, start: StartTokenizer) {
    this.output_path = output_path;
    this.start = start;
  }

  add(line: number, segments: Segment[]): void {
    this.rows += 1;
    this.pending += `{"row":${line},"segments":${JSON.stringify(segments)}}\n`;
  }

  /** Hands what was added to the process, and waits while it has enough. @throws the trainer's error */
  async flush(): Promise<void> {
    if (this.pending === '') return;
    const { stdin } = (this.process ??= this.open());
    const text = this.pending;
    this.pending = '';
    if (stdin.write(text)) return;
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

  private open(): TokenizeProcess {
    const process = this.start(this.output_path, this.dataset_rows);
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
