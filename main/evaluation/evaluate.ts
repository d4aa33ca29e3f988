import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { EvaluationProgress, EvaluationRow, Side } from '../contracts/shapes/evaluation.ts';
import { ChatProcess } from '../chat/index.ts';
import { hashSetOf, learnedText, openTemplate, type PromptTemplate, type Segment } from '../datasets/index.ts';
import { hashFiles, inspectModel } from '../models/index.ts';
import { liveModel, RunLock, writeWhole } from '../runs/index.ts';
import { readChoiceRows, type ChoiceRow } from './choice-rows.ts';
import { keyOf, metricSettings, needs, type EvaluationRequest, type Party } from './definition.ts';
import { figuresOf, type EvaluatedRow, type Outcome } from './figures.ts';
import { readQuestionRows, type QuestionRow } from './question-rows.ts';
import { RawStore } from './raw-store.ts';
import { EVALUATION_VERSION, type EvaluationFile } from './evaluation-file.ts';
import { scoreRows } from './score-rows.ts';
import { TABLE_FILE, tableRow } from './table.ts';

export interface EvaluationHooks {
  onProgress?: (progress: EvaluationProgress) => void;
  /** Aborting ends the evaluation soon; the same request goes on from there. */
  signal?: AbortSignal;
  /** How model files are hashed; default by reading them. The caller may know their hashes already. */
  hashModel?: (path: string) => Promise<string>;
  /** Tests give another. */
  openChat?: () => Pick<ChatProcess, 'load' | 'generate' | 'close'>;
}

/** What came out, and where it lies. */
export interface Evaluated {
  dir: string;
  file: EvaluationFile;
  rows: EvaluationRow[];
}

/**
 * Measures a model before and after tuning on rows of a file. What was answered and scored is kept in the evaluation's folder row by
 * row: the same request goes on where it was interrupted, and one with other metrics computes only what is missing.
 *
 * @returns null when it was stopped by `signal`
 * @throws ForjaError evaluation_invalid, evaluation_rows_unfit, run_in_use; DatasetError; ChatError; TrainerError
 */
export async function evaluate(request: EvaluationRequest, hooks: EvaluationHooks = {}): Promise<Evaluated | null> {
  const settings = metricSettings(request);
  const { base, tuned, data_path, metrics } = request;
  const hash = hooks.hashModel ?? ((path: string) => hashFiles([path]));
  const model = await inspectModel(base.model_path);
  const template = openTemplate({ ...model, date: request.template_date }, request.template);
  const baseHash = await hash(base.model_path);
  const identities = {
    base: baseHash,
    tuned: tuned === null ? null : tuned.model_path === base.model_path ? baseHash : await hash(tuned.model_path),
    adapter: tuned?.adapter_path == null ? null : await hashFiles([tuned.adapter_path]),
    data: await hashFiles([data_path]),
  };
  const key = keyOf(request, identities);
  const dir = join(request.out_dir, key);
  const need = needs(metrics);
  const questions = need.answers || need.losses ? await readQuestions(request, template) : null;
  const choices = need.options ? await readChoiceRows(data_path) : null;
  mkdirSync(dir, { recursive: true });
  const lock = RunLock.take(dir);
  const store = new RawStore(dir);
  try {
    const work = new Work(request, template, store, hooks);
    for (const side of tuned === null ? (['base'] as const) : (['base', 'tuned'] as const)) {
      if (need.losses) await work.losses(side, questions!.rows);
      if (need.options) await work.options(side, sampled(choices!.rows, request.max_rows));
      if (need.answers) await work.answers(side, questions!.rows);
    }
    hooks.onProgress?.({ phase: 'figures', side: 'base', done: 0, total: 1 });
    const rows = joinedRows(
      questions?.rows ?? [],
      choices === null ? [] : sampled(choices.rows, request.max_rows),
      store,
      tuned !== null,
    );
    const refused = [...(questions?.refused ?? []), ...(choices?.refused ?? [])];
    const file: EvaluationFile = {
      forja_evaluation: EVALUATION_VERSION,
      key,
      created_ms: Date.now(),
      base,
      tuned,
      identities,
      data_path,
      metrics,
      template: template.name,
      max_tokens: request.max_tokens,
      option_style: request.option_style,
      pattern: request.pattern,
      schema_path: request.schema_path,
      tolerance: request.tolerance,
      rows: rows.length,
      refused_rows: refused.length,
      refused_examples: refused.slice(0, 20),
      not_held_out_rows: questions?.not_held_out ?? 0,
      not_sampled_rows: questions?.not_sampled ?? 0,
      too_long_rows: store.tooLong(),
      figures: figuresOf(metrics, rows, settings),
    };
    const table = rows.map((row) => tableRow(row, file.figures, settings));
    writeWhole(join(dir, TABLE_FILE), table.map((row) => `${JSON.stringify(row)}\n`).join(''));
    writeWhole(join(dir, 'evaluation.json'), `${JSON.stringify(file, null, 2)}\n`);
    return { dir, file, rows: table };
  } catch (error) {
    if (hooks.signal?.aborted === true) return null;
    throw error;
  } finally {
    store.close();
    lock.release();
  }
}

async function readQuestions(request: EvaluationRequest, template: PromptTemplate) {
  const { data_path, format, columns, max_rows, held_out } = request;
  return await readQuestionRows({
    data_path,
    format,
    columns,
    template,
    max_rows,
    held_out: held_out === null ? null : hashSetOf(held_out),
  });
}

/** The first rows of questions with options: such files are in no order that matters, and parts are told by subject. */
const sampled = (rows: ChoiceRow[], max_rows: number) => (max_rows > 0 ? rows.slice(0, max_rows) : rows);

/** Rows by their lines, with what both sides made of them; a line may be answered and have options as well. */
function joinedRows(
  questions: readonly QuestionRow[],
  choices: readonly ChoiceRow[],
  store: RawStore,
  hasTuned: boolean,
): EvaluatedRow[] {
  const rows = new Map<number, EvaluatedRow>();
  const outcomes = (line: number) => ({
    base: outcomeOf(store, 'base', line),
    tuned: hasTuned ? outcomeOf(store, 'tuned', line) : null,
  });
  for (const { line, prompt, expected } of questions)
    rows.set(line, { line, prompt, expected: expected ?? '', choice: null, ...outcomes(line) });
  for (const { line, question, options, right, subject } of choices) {
    const choice = { options, right, subject };
    const known = rows.get(line) ?? { line, prompt: question, expected: options[right]!, ...outcomes(line) };
    rows.set(line, { ...known, choice });
  }
  return [...rows.values()].sort((a, b) => a.line - b.line);
}

function outcomeOf(store: RawStore, side: Side, line: number): Outcome {
  const outcome: Outcome = {};
  const answer = store.get(side, 'answer', line);
  const loss = store.get(side, 'loss', line);
  const options = store.get(side, 'options', line);
  if (answer?.kind === 'answer') outcome.answer = answer.text;
  if (loss?.kind === 'loss') outcome.loss = { nats: loss.nats, tokens: loss.tokens };
  if (options?.kind === 'options') outcome.options = options.nats;
  return outcome;
}

/** Computes what the store lacks. */
class Work {
  private readonly request: EvaluationRequest;
  private readonly template: PromptTemplate;
  private readonly store: RawStore;
  private readonly hooks: EvaluationHooks;

  constructor(request: EvaluationRequest, template: PromptTemplate, store: RawStore, hooks: EvaluationHooks) {
    this.request = request;
    this.template = template;
    this.store = store;
    this.hooks = hooks;
  }

  async losses(side: Side, rows: readonly QuestionRow[]): Promise<void> {
    const missing = rows.filter(({ line }) => this.store.get(side, 'loss', line) === undefined);
    const tell = this.teller('loss', side, rows.length, rows.length - missing.length);
    await scoreRows(
      missing.map(({ rendered_row }) => rendered_row),
      { ...this.partyOf(side), ...this.machine(), max_seq_len: this.request.max_seq_len },
      {
        signal: this.hooks.signal,
        onRow: (at, nats, tokens) => {
          this.store.add({ side, line: missing[at]!.line, kind: 'loss', nats, tokens });
          tell();
        },
      },
    );
  }

  async options(side: Side, rows: readonly ChoiceRow[]): Promise<void> {
    const missing = rows.filter(({ line }) => this.store.get(side, 'options', line) === undefined);
    const tell = this.teller('options', side, rows.length, rows.length - missing.length);
    const places = missing.flatMap((row, at) => row.options.map((_, option) => ({ at, option })));
    // What came so far of the question at hand: its options come one after the other.
    let nats: number[] = [];
    await scoreRows(
      missing.flatMap((row) => optionRows(row, this.template, this.request.option_style)),
      { ...this.partyOf(side), ...this.machine(), max_seq_len: this.request.context },
      {
        signal: this.hooks.signal,
        onRow: (place, sum) => {
          const { at, option } = places[place]!;
          const { line, options } = missing[at]!;
          if (option === 0) nats = [];
          nats[option] = sum;
          if (option + 1 < options.length) return;
          const isWhole = options.every((_, index) => nats[index] !== undefined);
          this.store.add(
            isWhole ? { side, line, kind: 'options', nats } : { side, line, kind: 'too_long', what: 'options' },
          );
          tell();
        },
      },
    );
    for (const { line } of missing) {
      if (this.store.get(side, 'options', line) === undefined)
        this.store.add({ side, line, kind: 'too_long', what: 'options' });
    }
  }

  async answers(side: Side, rows: readonly QuestionRow[]): Promise<void> {
    const { context, max_tokens, threads } = this.request;
    const { signal } = this.hooks;
    const asked = rows.filter(({ expected }) => expected !== null);
    const missing = asked.filter(({ line }) => this.store.get(side, 'answer', line) === undefined);
    if (missing.length === 0) return;
    const tell = this.teller('answers', side, asked.length, asked.length - missing.length);
    const chat = (this.hooks.openChat ?? (() => new ChatProcess()))();
    try {
      const { model_path, adapter_path } = this.partyOf(side);
      const live =
        adapter_path === null ? { model_path, adapter_path } : await liveModel(model_path, adapter_path, threads);
      await chat.load(side, { model_path: live.model_path, adapter_path: live.adapter_path, n_ctx: context, threads });
      for (const { line, rendered_prompt } of missing) {
        signal?.throwIfAborted();
        try {
          // Each answer from an empty context: its tokens then don't depend on which rows came before, in this process or another.
          const { text, tokens, stop_reason } = await chat.generate(side, rendered_prompt, {
            max_tokens,
            fresh: true,
            ...(signal === undefined ? {} : { signal }),
          });
          signal?.throwIfAborted();
          this.store.add({ side, line, kind: 'answer', text, tokens, stop_reason });
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'chat_prompt_too_long')) throw error;
          this.store.add({ side, line, kind: 'too_long', what: 'answer' });
        }
        tell();
      }
    } finally {
      chat.close();
    }
  }

  private partyOf(side: Side): Party {
    return side === 'base' ? this.request.base : this.request.tuned!;
  }

  private machine() {
    const { device, threads, compute_type } = this.request;
    return { device, threads, compute_type };
  }

  private teller(phase: EvaluationProgress['phase'], side: Side, total: number, already: number): () => void {
    let done = already;
    const tell = () => this.hooks.onProgress?.({ phase, side, done, total });
    tell();
    return () => {
      done += 1;
      tell();
    };
  }
}

/** The question with each of its options as the answer, of which only the option's own text is scored. */
export function optionRows(row: ChoiceRow, template: PromptTemplate, style: 'text' | 'letter'): Segment[][] {
  const letters = row.options.map((_, at) => String.fromCharCode(65 + at));
  const listed = row.options.map((option, at) => `${letters[at]}. ${option}`).join('\n');
  const content = style === 'text' ? row.question : `${row.question}\n${listed}\nAnswer:`;
  const prompt = template.renderRowPrompt({
    kind: 'chat',
    messages: [
      { role: 'user', content },
      { role: 'assistant', content: row.options[row.right]! },
    ],
  });
  // Where nothing stands between question and answer a blank does, as in lm-eval-harness.
  const gap = template.name === 'plain' && !/\s$/.test(content) ? ' ' : '';
  return (style === 'text' ? row.options : letters).map((option) => [...prompt, ...learnedText(gap + option)]);
}
