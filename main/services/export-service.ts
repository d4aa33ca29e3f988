import { randomUUID } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ForjaError, toReport } from '../contracts/errors.ts';
import type { ExportOutcomeData, ExportRecord, IpcParsedRequest, IpcResponse } from '../contracts/ipc.ts';
import { openTemplate, type TemplateChoice } from '../datasets/index.ts';
import { exportAdapter, modelfile, modelfilePath, takeApart } from '../export/index.ts';
import { OUTPUT_TYPES, outputBytes, type ModelCatalogue } from '../models/index.ts';
import { RunFolder } from '../runs/index.ts';
import { chosenAdapter } from './adapter-choice.ts';
import type { ServiceContext } from './context.ts';
import type { RunQueue } from './run-queue.ts';
import { readOwnFile, toExportRecord } from './run-summary.ts';
import { throttle } from './throttle.ts';

/** Rows that an export is checked on. */
const CHECK_ROWS = 64;

/** Exports runs and checks what was written; several may run at once. */
export class ExportService {
  private readonly context: ServiceContext;
  private readonly queue: RunQueue;
  private readonly models: ModelCatalogue;
  private readonly running = new Set<Promise<void>>();

  constructor(context: ServiceContext, queue: RunQueue, models: ModelCatalogue) {
    this.context = context;
    this.queue = queue;
    this.models = models;
  }

  /** The types that a merged model can have, with the size that the file will have. @throws ForjaError run_not_found */
  async types(run_id: string): Promise<IpcResponse<'exports.types'>> {
    const { info, headers } = await this.models.open(this.queue.row(run_id).model_path);
    return [
      { output_type: 'same', output_bytes: info.file_size_bytes, is_same: true },
      ...OUTPUT_TYPES.map((output_type) => ({
        output_type,
        output_bytes: Math.round(outputBytes(headers, info, output_type)),
        is_same: false,
      })),
    ];
  }

  /**
   * Begins an export; its end is told as export.done.
   * @throws ForjaError run_not_found, run_has_no_adapter, run_in_use, output_exists
   */
  start(request: IpcParsedRequest<'exports.start'>): { export_id: string } {
    const row = this.queue.row(request.run_id);
    const { path } = chosenAdapter(new RunFolder(row.out_dir), request.checkpoint);
    if (!request.overwrite && request.format === 'ollama' && existsSync(modelfilePath(request.output_path))) {
      throw new ForjaError(
        'output_exists',
        `${modelfilePath(request.output_path)} is there already.`,
        'Choose another name, or replace it.',
        { path: modelfilePath(request.output_path) },
      );
    }
    const export_id = randomUUID();
    const { run_id } = request;
    const { emit } = this.context;
    const work = this.work(request, path, export_id).then(
      (outcome) => emit('export.done', { export_id, run_id, outcome, error: null }),
      (error: unknown) => {
        const { code, message, hint, details } = toReport(error);
        emit('export.done', { export_id, run_id, outcome: null, error: { code, message, hint, details } });
      },
    );
    this.running.add(work);
    void work.finally(() => this.running.delete(work));
    return { export_id };
  }

  /** The newest first. @param run_id null: of all runs */
  list(run_id: string | null): ExportRecord[] {
    const { exports } = this.context.db;
    return run_id === null ? exports.list().map(toExportRecord) : exports.ofRun(run_id).map(toExportRecord).reverse();
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    await Promise.all(this.running);
  }

  private async work(
    request: IpcParsedRequest<'exports.start'>,
    adapter_path: string,
    export_id: string,
  ): Promise<ExportOutcomeData> {
    const { run_id, format, output_type, output_path, overwrite, check } = request;
    const { db, emit, settings } = this.context;
    const row = this.queue.row(run_id);
    const folder = new RunFolder(row.out_dir);
    const file = readOwnFile(folder, run_id);
    const progress = { phase: 'exporting', share: null as number | null };
    const tell = throttle(() => emit('export.progress', { export_id, run_id, ...progress }));
    const { exported, verified } = await exportAdapter(
      {
        settings: {
          model_path: row.model_path,
          adapter_path,
          format: format === 'ollama' ? 'gguf' : format,
          output_type,
          output_path: resolve(output_path),
          overwrite,
          threads: settings().threads,
        },
        check:
          !check || file === null
            ? null
            : {
                tokens_path: resolve(folder.dir, file.val_tokens ?? file.train_tokens),
                is_held_out: file.val_tokens !== null,
                max_rows: CHECK_ROWS,
                max_seq_len: file.settings.max_seq_len as number,
                device: 'cpu',
              },
      },
      (event) => {
        if (event.type === 'status') Object.assign(progress, { phase: event.data.phase, share: null });
        else if (event.type === 'progress') {
          const { phase, done, total } = event.data;
          Object.assign(progress, { phase, share: total > 0 ? Math.min(1, done / total) : null });
        } else return;
        tell();
      },
    ).finally(() => tell.cancel());
    if (format === 'ollama') await this.writeModelfile(row.model_path, exported.output_path, file?.template ?? 'auto');
    db.exports.add({
      run_id: db.runs.get(run_id) === null ? null : run_id,
      time_ms: Date.now(),
      format,
      output_type: exported.output_type,
      output_path: exported.output_path,
      output_bytes: exported.output_bytes,
      verdict: verified?.verdict ?? null,
      base_loss: verified?.base_loss ?? null,
      tuned_loss: verified?.tuned_loss ?? null,
      export_loss: verified?.export_loss ?? null,
      mean_kl_divergence: verified?.mean_kl_divergence ?? null,
    });
    const { output_bytes, duration_ms } = exported;
    return {
      format,
      output_type: exported.output_type,
      output_path: exported.output_path,
      output_bytes,
      duration_ms,
      check: verified === null ? null : { ...verified, is_held_out: file?.val_tokens !== null },
    };
  }

  private async writeModelfile(model_path: string, gguf_path: string, template: TemplateChoice): Promise<void> {
    const { info } = await this.models.open(model_path);
    const parts = takeApart(openTemplate(info, template), info.bos_token);
    writeFileSync(modelfilePath(gguf_path), modelfile(gguf_path, parts));
  }
}
