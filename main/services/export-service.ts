import { randomUUID } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ForjaError, toReport } from '../contracts/errors.ts';
import type { TrainerEvent } from '../contracts/protocol.ts';
import type { ExportOutcomeData, ExportRecord, IpcParsedRequest, IpcResponse, TriedType } from '../contracts/ipc.ts';
import { openTemplate, type Example } from '../datasets/index.ts';
import { estimateCheck } from '../domain/estimates/check.ts';
import { modelfile, modelfilePath, ollamaTemplate, verifyExport, writeExport, type Turns } from '../export/index.ts';
import { inspectModel, OUTPUT_TYPES, outputBytes, type ModelCatalogue } from '../models/index.ts';
import { exportRows, liveModel, RunFolder } from '../runs/index.ts';
import type { RunRow } from '../db/index.ts';
import type { RunFile } from '../contracts/run-file.ts';
import { COMPARED, compareAnswers, type UsersPrompt } from './answers-check.ts';
import { examplesOf } from './run-examples.ts';
import { chosenAdapter } from './adapter-choice.ts';
import type { ServiceContext } from './context.ts';
import type { RunQueue } from './run-queue.ts';
import { readOwnFile, toExportRecord } from './run-summary.ts';
import { throttle } from './throttle.ts';

/** Rows that an export is checked on. */
const CHECK_ROWS = 64;

/** Before this much of a phase is done, nothing is said of how long the rest takes. */
const LEAST_SHARE = 0.05;

/** Exports runs and checks what was written; several may run at once. */
export class ExportService {
  private readonly context: ServiceContext;
  private readonly queue: RunQueue;
  private readonly models: ModelCatalogue;
  private readonly running = new Set<Promise<void>>();
  /** The exports that are being written. */
  private readonly writing = new Map<string, AbortController>();
  /** The checks that may be ended. */
  private readonly checks = new Map<string, AbortController>();

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
    const cancelled = new AbortController();
    this.writing.set(export_id, cancelled);
    const work = this.work(request, path, export_id, cancelled.signal).then(
      (outcome) => emit('export.done', { export_id, run_id, outcome, error: null }),
      (error: unknown) => {
        const { code, message, hint, details } = toReport(error);
        // What was told to end has no error of its own.
        const told = cancelled.signal.aborted ? null : { code, message, hint, details };
        emit('export.done', { export_id, run_id, outcome: null, error: told });
      },
    );
    this.running.add(work);
    void work.finally(() => {
      this.running.delete(work);
      this.writing.delete(export_id);
      this.checks.delete(export_id);
    });
    return { export_id };
  }

  /** Ends an export that is being written; one that has been written, or has ended, is no error. */
  cancel(export_id: string): void {
    this.writing.get(export_id)?.abort();
  }

  /** Ends the check of an export; one that has ended is no error. */
  skipCheck(export_id: string): void {
    this.checks.get(export_id)?.abort();
  }

  /** What an export of a run brings with it, and about how long its check takes. @throws ForjaError run_not_found */
  async about(run_id: string): Promise<IpcResponse<'exports.about'>> {
    const row = this.queue.row(run_id);
    const { info } = await this.models.open(row.model_path);
    const { examples, system_prompt, checked } = await this.known(row);
    const rows = Math.min(CHECK_ROWS, checked?.rows ?? 0);
    return {
      system_prompt,
      compared_answers: Math.min(COMPARED, examples.length),
      check_ms: estimateCheck({
        tokens: checked === null || checked.rows === 0 ? 0 : (rows * checked.tokens) / checked.rows,
        answers: Math.min(COMPARED, examples.length),
        file_bytes: info.file_size_bytes,
        tokens_per_second: row.tokens_per_second,
      }),
    };
  }

  /** The newest first. @param run_id null: of all runs */
  list(run_id: string | null): ExportRecord[] {
    const { exports } = this.context.db;
    return run_id === null ? exports.list().map(toExportRecord) : exports.ofRun(run_id).map(toExportRecord).reverse();
  }

  /** Ends the checks and waits for what is being written. */
  async close(): Promise<void> {
    for (const check of this.checks.values()) check.abort();
    await Promise.all(this.running);
  }

  private async work(
    request: IpcParsedRequest<'exports.start'>,
    adapter_path: string,
    export_id: string,
    cancelled: AbortSignal,
  ): Promise<ExportOutcomeData> {
    const { run_id, format, output_type, output_path, overwrite, check } = request;
    const { db, emit, settings } = this.context;
    const row = this.queue.row(run_id);
    const folder = new RunFolder(row.out_dir);
    const file = readOwnFile(folder, run_id);
    const tell = this.progress(export_id, run_id);
    const job = {
      model_path: row.model_path,
      adapter_path,
      format: format === 'ollama' ? ('gguf' as const) : format,
      output_type,
      output_path: resolve(output_path),
      overwrite,
      threads: settings().threads,
      ...(file === null ? {} : exportRows(folder, file)),
    };
    const abort = new AbortController();
    try {
      const exported = await writeExport(job, tell.event, cancelled);
      this.writing.delete(export_id);
      const known = await this.known(row);
      const ollama = format === 'peft' ? null : await this.modelfile(row, file, format, exported.output_path, known);
      if (ollama !== null && format === 'ollama') writeFileSync(modelfilePath(exported.output_path), ollama.modelfile);
      const outcome: ExportOutcomeData = {
        format,
        output_type: exported.output_type,
        output_path: exported.output_path,
        output_bytes: exported.output_bytes,
        duration_ms: exported.duration_ms,
        types: exported.types,
        check: null,
        answers: null,
        check_error: null,
        model_path: row.model_path,
        system_prompt: known.system_prompt,
        modelfile_path: format === 'ollama' ? modelfilePath(exported.output_path) : null,
        modelfile: ollama?.modelfile ?? null,
        no_template: ollama?.no_template ?? null,
      };
      const id = db.exports.add({
        run_id: db.runs.get(run_id) === null ? null : run_id,
        time_ms: Date.now(),
        format,
        output_type: exported.output_type,
        output_path: exported.output_path,
        output_bytes: exported.output_bytes,
        verdict: null,
        base_loss: null,
        tuned_loss: null,
        export_loss: null,
        mean_kl_divergence: null,
      });
      if (!check || file === null) return outcome;
      // From here on the person has it; what follows may be ended, and may fail, without taking it away.
      this.checks.set(export_id, abort);
      emit('export.ready', { export_id, run_id, outcome });
      try {
        const verified = await verifyExport(
          job,
          exported,
          {
            tokens_path: resolve(folder.dir, file.val_tokens ?? file.train_tokens),
            is_held_out: file.val_tokens !== null,
            max_rows: CHECK_ROWS,
            max_seq_len: file.settings.max_seq_len,
            device: 'cpu',
          },
          tell.event,
          abort.signal,
        );
        outcome.check = { ...verified, is_held_out: file.val_tokens !== null };
        db.exports.judge(id, verified);
        const turns = format === 'ollama' ? (ollama?.turns ?? null) : null;
        outcome.answers = await this.compare(row, file, outcome, job, turns, known.examples, abort.signal, tell.phase);
      } catch (error) {
        // What was told to end has no error of its own.
        if (!abort.signal.aborted) {
          const { code, message, hint, details } = toReport(error);
          outcome.check_error = { code, message, hint, details };
        }
      }
      return outcome;
    } finally {
      tell.cancel();
    }
  }

  /** The answers of base + adapter beside the export's; null where no program answers with it, or there is nothing to ask. */
  private async compare(
    row: RunRow,
    file: RunFile,
    { format, output_path, system_prompt }: ExportOutcomeData,
    { model_path, adapter_path, threads }: { model_path: string; adapter_path: string; threads: number },
    turns: Turns | null,
    examples: readonly Example[],
    signal: AbortSignal,
    onPhase: (phase: string, share: number | null) => void,
  ): Promise<ExportOutcomeData['answers']> {
    if (format === 'peft' || examples.length === 0) return null;
    const { info } = await this.models.open(row.model_path);
    const isAdapter = format === 'gguf-adapter';
    const user: UsersPrompt = { model: isAdapter ? info : await inspectModel(output_path), turns, system_prompt };
    onPhase('comparing', 0);
    const live = await liveModel(model_path, adapter_path, threads);
    return await compareAnswers({
      examples,
      template: openTemplate(info, file.template),
      user,
      tuned: { model_path: live.model_path, adapter_path: live.adapter_path, threads },
      exported: isAdapter ? { model_path, adapter_path: output_path, threads } : { model_path: output_path, threads },
      signal,
      onProgress: (done, total) => onPhase('comparing', done / total),
    });
  }

  /** What the run's rows ask and tell, as its audit has it; of runs of earlier versions, as their rows have it. */
  private async known(row: RunRow): Promise<{
    examples: Example[];
    system_prompt: string | null;
    checked: { rows: number; tokens: number } | null;
  }> {
    const audit = new RunFolder(row.out_dir).readAudit() ?? {};
    const checked = audit.val ?? audit.train ?? null;
    if (audit.examples !== undefined && audit.system_prompt !== undefined)
      return { examples: audit.examples, system_prompt: audit.system_prompt, checked };
    const examples = await examplesOf(row, COMPARED).catch((): Example[] => []);
    const systems = new Set(examples.map(({ system }) => system));
    const [only] = systems;
    return { examples, system_prompt: systems.size === 1 ? only || null : null, checked };
  }

  /** What a Modelfile for an export says: the prompt as the rows were trained with it, or why it can't be had. */
  private async modelfile(
    row: RunRow,
    file: RunFile | null,
    format: string,
    output_path: string,
    { system_prompt }: { system_prompt: string | null },
  ): Promise<{ modelfile: string; turns: Turns | null; no_template: ExportOutcomeData['no_template'] }> {
    const { info } = await this.models.open(row.model_path);
    const prompt = ollamaTemplate({
      open: (date) => openTemplate({ ...info, date }, file?.template ?? 'auto'),
      bos_token: info.bos_token,
      adds_bos: info.adds_bos ?? true,
    });
    const text = modelfile({
      output_path,
      base_path: format === 'gguf-adapter' ? row.model_path : null,
      prompt,
      system_prompt,
      isWindows: process.platform === 'win32',
    });
    return { modelfile: text, turns: prompt.turns, no_template: prompt.turns === null ? prompt.reason : null };
  }

  /** Tells the window how an export goes, at most ten times a second. */
  private progress(export_id: string, run_id: string) {
    const now = { phase: 'exporting', share: null as number | null, types: [] as TriedType[], began_ms: Date.now() };
    const tell = throttle(() => {
      const { phase, share, types, began_ms } = now;
      const spent = Date.now() - began_ms;
      const left_ms = share === null || share < LEAST_SHARE ? null : Math.round((spent * (1 - share)) / share);
      this.context.emit('export.progress', { export_id, run_id, phase, share, left_ms, types });
    });
    const phase = (name: string, share: number | null) => {
      if (name !== now.phase) now.began_ms = Date.now();
      Object.assign(now, { phase: name, share });
      tell();
    };
    const event = (one: TrainerEvent) => {
      if (one.type === 'status') phase(one.data.phase, null);
      else if (one.type === 'progress') {
        const { done, total } = one.data;
        phase(one.data.phase, total > 0 ? Math.min(1, done / total) : null);
      } else if (one.type === 'types_tried') {
        now.types = one.data.types;
        tell();
      }
    };
    return { phase, event, cancel: () => tell.cancel() };
  }
}
