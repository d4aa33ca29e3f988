import { join } from 'node:path';
import { ForjaError, toReport } from '../contracts/errors.ts';
import type { IpcParsedRequest, IpcResponse } from '../contracts/ipc.ts';
import type { EvaluationProgress, EvaluationRow } from '../contracts/shapes/evaluation.ts';
import {
  evaluate,
  listEvaluations,
  readTable,
  reportOf,
  requestOfRun,
  worstFirst,
  type EvaluationFile,
  type ReportLanguage,
} from '../evaluation/index.ts';
import { RunFolder } from '../runs/index.ts';
import { chosenAdapter } from './adapter-choice.ts';
import type { ServiceContext } from './context.ts';
import type { RunQueue } from './run-queue.ts';
import { throttle } from './throttle.ts';

const CONTEXT_TOKENS = 2048;

interface Running {
  abort: AbortController;
  progress: EvaluationProgress;
  ended: Promise<void>;
}

/** Evaluates runs on rows that they were not trained on; one evaluation of a run at a time. */
export class EvaluationService {
  private readonly context: ServiceContext;
  private readonly queue: RunQueue;
  private readonly running = new Map<string, Running>();
  /** The table that is looked at: it is asked for page by page. */
  private table: { dir: string; created_ms: number; rows: EvaluationRow[] } | null = null;

  constructor(context: ServiceContext, queue: RunQueue) {
    this.context = context;
    this.queue = queue;
  }

  /**
   * Begins an evaluation, or goes on with one that was interrupted; its end is told as evaluation.done.
   * @throws ForjaError run_not_found, run_has_no_adapter, run_in_use while one of this run goes on
   */
  start(request: IpcParsedRequest<'evaluations.start'>): void {
    const { run_id } = request;
    const folder = this.folder(run_id);
    const adapter = chosenAdapter(folder, request.checkpoint).path;
    if (this.running.has(run_id)) {
      throw new ForjaError('run_in_use', 'This run is being evaluated.', 'Wait for it, or stop it.', {
        path: folder.dir,
      });
    }
    const abort = new AbortController();
    const progress: EvaluationProgress = { phase: 'reading', side: 'base', done: 0, total: 0 };
    const ended = this.work(request, folder, adapter, abort.signal).then(
      (key) => this.tellEnd(run_id, key, null),
      (error: unknown) => this.tellEnd(run_id, null, error),
    );
    this.running.set(run_id, { abort, progress, ended });
  }

  /** Stops an evaluation; what was answered and scored is kept. One that has ended is no error. */
  stop(run_id: string): void {
    this.running.get(run_id)?.abort.abort();
  }

  /** The newest first. @throws ForjaError run_not_found */
  list(run_id: string): IpcResponse<'evaluations.list'> {
    const evaluations = listEvaluations(this.folder(run_id).evaluationsDir).map(
      ({ key, created_ms, data_path, figures, rows, ...left }) => ({
        key,
        created_ms,
        data_path,
        rows,
        refused_rows: left.refused_rows,
        not_held_out_rows: left.not_held_out_rows,
        not_sampled_rows: left.not_sampled_rows,
        too_long_rows: left.too_long_rows,
        figures,
      }),
    );
    return { running: this.running.get(run_id)?.progress ?? null, evaluations };
  }

  /** A page of an evaluation's rows, the worst first. @throws ForjaError run_not_found, evaluation_invalid */
  rows(request: IpcParsedRequest<'evaluations.rows'>): IpcResponse<'evaluations.rows'> {
    const { run_id, key, figure, filter, search, offset, limit } = request;
    const found = worstFirst(this.open(run_id, key).rows, figure, filter, search);
    return { total: found.length, rows: found.slice(offset, offset + limit) };
  }

  /** An evaluation as a file to be sent to somebody. @throws ForjaError run_not_found, evaluation_invalid */
  report({ run_id, key, format }: IpcParsedRequest<'evaluations.report'>, language: ReportLanguage): string {
    const { file, rows } = this.open(run_id, key);
    return reportOf(format, file, rows, this.queue.row(run_id).name, language);
  }

  /** Stops what goes on, and waits for it. */
  async close(): Promise<void> {
    const all = [...this.running.values()];
    for (const { abort } of all) abort.abort();
    await Promise.all(all.map(({ ended }) => ended));
  }

  private async work(
    request: IpcParsedRequest<'evaluations.start'>,
    folder: RunFolder,
    adapter_path: string,
    signal: AbortSignal,
  ): Promise<string | null> {
    const { run_id, data_path, metrics, max_rows, max_tokens, pattern, tolerance } = request;
    const { threads, device } = this.context.settings();
    const { request: ofRun } = await requestOfRun(folder, adapter_path, data_path);
    const tell = throttle(() => {
      const now = this.running.get(run_id);
      if (now !== undefined) this.context.emit('evaluation.progress', { run_id, ...now.progress });
    });
    try {
      const evaluated = await evaluate(
        {
          ...ofRun,
          metrics: [...new Set(metrics)],
          max_rows,
          max_tokens,
          context: CONTEXT_TOKENS,
          option_style: 'text',
          pattern,
          schema_path: null,
          tolerance,
          device,
          threads,
          compute_type: 'auto',
        },
        {
          signal,
          onProgress: (progress) => {
            const now = this.running.get(run_id);
            if (now !== undefined) now.progress = progress;
            tell();
          },
        },
      );
      return evaluated?.file.key ?? null;
    } finally {
      tell.cancel();
    }
  }

  private tellEnd(run_id: string, key: string | null, error: unknown): void {
    this.running.delete(run_id);
    const { code, message, hint, details } = error === null ? NO_ERROR : toReport(error);
    this.context.emit('evaluation.done', {
      run_id,
      key,
      error: error === null ? null : { code, message, hint, details },
    });
  }

  private folder(run_id: string): RunFolder {
    return new RunFolder(this.queue.row(run_id).out_dir);
  }

  private open(run_id: string, key: string): { file: EvaluationFile; rows: EvaluationRow[] } {
    const { evaluationsDir } = this.folder(run_id);
    const file = listEvaluations(evaluationsDir).find((one) => one.key === key);
    if (file === undefined) {
      throw new ForjaError('evaluation_invalid', 'There is no such evaluation any more.', 'Evaluate again.', {
        setting: 'key',
        reason: key,
      });
    }
    const dir = join(evaluationsDir, key);
    if (this.table?.dir !== dir || this.table.created_ms !== file.created_ms)
      this.table = { dir, created_ms: file.created_ms, rows: readTable(dir) };
    return { file, rows: this.table.rows };
  }
}

const NO_ERROR = { code: '', message: '', hint: '', details: {} };
