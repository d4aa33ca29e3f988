import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { completeJob } from '../contracts/protocol.ts';
import { TokenSink, type Segment } from '../datasets/index.ts';
import { tokenizerOf } from '../runs/index.ts';
import { runJob } from '../trainer/index.ts';

/** Whose losses are taken, and how. */
export interface Scored {
  model_path: string;
  adapter_path: string | null;
  /** Rows are cut here, as in training. */
  max_seq_len: number;
  device: string;
  threads: number;
  compute_type: 'auto' | 'f32';
}

export interface ScoreHooks {
  /** The sum over the supervised tokens of a row, by its place in the list, and how many there are. */
  onRow: (at: number, nats: number, tokens: number) => void;
  signal: AbortSignal | undefined;
}

/** Rows per job: the trainer starts in a second or two, and no file on disk grows with the dataset. */
const ROWS_A_JOB = 20_000;

/**
 * Has the trainer score rows, each by itself: a row's loss does not depend on the rows around it. Rows in which nothing is supervised
 * within max_seq_len get none.
 * @throws TrainerError; trainer_killed once `signal` is aborted
 */
export async function scoreRows(rows: readonly Segment[][], scored: Scored, hooks: ScoreHooks): Promise<void> {
  for (let from = 0; from < rows.length; from += ROWS_A_JOB) {
    await scorePart(rows.slice(from, from + ROWS_A_JOB), from, scored, hooks);
  }
}

async function scorePart(rows: readonly Segment[][], from: number, scored: Scored, hooks: ScoreHooks): Promise<void> {
  const { model_path, adapter_path, max_seq_len, device, threads, compute_type } = scored;
  const dir = await mkdtemp(join(tmpdir(), 'forja-evaluation-'));
  try {
    const sink = new TokenSink(join(dir, 'rows.fjt'), tokenizerOf(model_path, { max_seq_len }));
    for (const [at, segments] of rows.entries()) {
      sink.add(at, { segments });
      if (sink.rows % 256 === 0) await sink.flush();
    }
    const counts = await sink.finish();
    if (counts === null || counts.rows === counts.empty_rows) return;
    hooks.signal?.throwIfAborted();
    const job = completeJob('score', {
      model_path,
      adapter_path,
      tokens_path: sink.output_path,
      row_losses: true,
      max_seq_len,
      device,
      threads,
      compute_type,
    });
    await runJob<'score'>(job, {
      signal: hooks.signal,
      onEvent: (event) => {
        if (event.type === 'row_loss') hooks.onRow(from + event.data.row, event.data.nats, event.data.tokens);
      },
    });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
