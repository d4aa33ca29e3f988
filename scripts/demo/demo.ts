/**
 * The demo: a real model learns a task in a few minutes, and what it learned is counted.
 *
 * SmolLM2-135M-Instruct reads messages to a bakery and writes each order as one JSON record. Before and after training it
 * answers 100 messages that it was not trained on; an answer counts when it is right to the letter. The answers after
 * training come from the exported, merged GGUF, in node-llama-cpp. How sure the gain is, is said with a 95 % interval. All of it goes through the services behind `forja`.
 *
 *   npm run demo [-- --out DIR --max-steps N --threads N --json]
 */
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { ChatProcess, countExactMatches, type ExactMatch, type LoadOptions } from '../../main/chat/index.ts';
import { printAudit } from '../../main/cli/lib/audit-text.ts';
import { followRun } from '../../main/cli/lib/follow-run.ts';
import { bytes, duration, loss, percent, table } from '../../main/cli/lib/format.ts';
import { Output } from '../../main/cli/lib/output.ts';
import { EXIT, toReport } from '../../main/contracts/errors.ts';
import type { Figure } from '../../main/contracts/shapes/evaluation.ts';
import type { TrainResult } from '../../main/contracts/protocol-types.ts';
import { openTemplate } from '../../main/datasets/index.ts';
import { openDb } from '../../main/db/index.ts';
import { SAMPLE_SETTINGS } from '../../main/domain/sample-settings.ts';
import { figuresOf, sentenceOf } from '../../main/evaluation/index.ts';
import { exportAdapter, type ExportOutcome } from '../../main/export/index.ts';
import { ensureSampleModel, inspectModel, SAMPLE_MODEL } from '../../main/models/index.ts';
import { prepareRun, type RunFolder } from '../../main/runs/index.ts';
import { SYSTEM_TEXT } from '../../resources/samples/make-orders.mjs';
import { readQuestions, type HeldOut } from './questions.ts';

const root = join(import.meta.dirname, '../..');
const TRAIN = join(root, 'resources/samples/orders-train.jsonl');
const HELD_OUT = join(root, 'resources/samples/orders-held-out.jsonl');

/** Answers are some 35 tokens. */
const MAX_TOKENS = 64;
const SHOWN = 3;

const { values: args } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, 'runs/demo') },
    'max-steps': { type: 'string', default: String(SAMPLE_SETTINGS.max_steps) },
    threads: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
  },
});
const threads = Number(args.threads);
const output = new Output(args.json);

async function main(): Promise<number> {
  const started = Date.now();
  const model_path = await ensureSampleModel((text) => output.progress(text, true));
  const template = openTemplate(await inspectModel(model_path));
  const questions = await readQuestions(HELD_OUT, template);

  output.text(`${SAMPLE_MODEL.name} learns to write orders to a bakery as JSON.\n`);
  const before = await ask('base', { model_path, threads }, questions);

  const db = openDb();
  try {
    const prepared = await prepareRun(
      {
        model_path,
        data_path: TRAIN,
        val_path: HELD_OUT,
        val_share: 0,
        format: 'auto',
        columns: {},
        template: 'auto',
        out_dir: args.out,
        name: 'demo',
        overwrite: true,
        settings: { ...SAMPLE_SETTINGS, max_steps: Number(args['max-steps']), threads },
      },
      db,
    );
    output.text();
    printAudit(prepared.audit, SAMPLE_SETTINGS.max_seq_len, output);
    const { exit_code, result } = await followRun(prepared, null, db, output);
    if (exit_code !== EXIT.done) return exit_code;

    output.text();
    const merged = await merge(model_path, prepared.folder);
    const after = await ask('merged', { model_path: merged.exported.output_path, threads }, questions);
    print(questions, before, after, result, merged, Date.now() - started);
    return EXIT.done;
  } finally {
    db.close();
  }
}

/** Lets a model answer the held-out messages, in a process that ends with it. */
async function ask(name: string, options: LoadOptions, questions: HeldOut[]): Promise<ExactMatch> {
  const chat = new ChatProcess();
  try {
    await chat.load(name, { ...options, n_ctx: 256 });
    const onAnswer = (done: number, total: number) =>
      output.progress(`asking the ${name} model … ${done} of ${total} answers`);
    // The answers that are shown are let run to their end.
    const whole = { max_tokens: MAX_TOKENS };
    const shown = await countExactMatches(chat, name, questions.slice(0, SHOWN), whole);
    const rest = await countExactMatches(chat, name, questions.slice(SHOWN), {
      ...whole,
      stop_when_wrong: true,
      onAnswer,
    });
    const answers = [...shown.answers, ...rest.answers];
    const correct = shown.correct + rest.correct;
    output.text(`The ${name} model gives ${correct} of ${answers.length} held-out answers right to the letter.`);
    return { ...rest, correct, total: answers.length, answers };
  } finally {
    chat.close();
  }
}

/** Q8_0: merged back into the base's own Q4_1, a good part of what was learned is rounded away. */
async function merge(model_path: string, folder: RunFolder): Promise<ExportOutcome> {
  const outcome = await exportAdapter(
    {
      settings: {
        model_path,
        adapter_path: folder.adapterFile,
        format: 'gguf',
        output_type: 'q8_0',
        output_path: join(folder.dir, 'merged-q8_0.gguf'),
        overwrite: true,
        threads,
      },
      check: {
        tokens_path: join(folder.dataDir, 'val.fjt'),
        is_held_out: true,
        max_rows: 32,
        max_seq_len: SAMPLE_SETTINGS.max_seq_len,
        device: 'cpu',
      },
    },
    (event) => {
      if (event.type === 'progress') output.progress(`merging and checking … ${event.data.phase}`);
    },
  );
  return outcome;
}

function print(
  questions: HeldOut[],
  before: ExactMatch,
  after: ExactMatch,
  trained: TrainResult,
  { exported, verified }: ExportOutcome,
  took_ms: number,
): void {
  for (const [index, { message, answer }] of questions.slice(0, SHOWN).entries()) {
    output.text(`\n“${message}”`);
    const rows = [
      ['before', oneLine(before.answers[index]!.answer)],
      ['after', oneLine(after.answers[index]!.answer)],
    ];
    if (!after.answers[index]!.correct) rows.push(['right', answer]);
    output.text(table(rows));
  }
  const exact = judged(before, after);
  const rows = [
    ['exact answers', sentenceOf(exact)],
    ['loss', `${loss(trained.train_loss)} on the last step, ${loss(trained.val_loss)} on the held-out rows`],
    [
      'training',
      `${trained.steps} steps in ${duration(trained.duration_ms)}, ${trained.tokens_per_second.toFixed(0)} tok/s`,
    ],
    ['peak memory', bytes(trained.peak_memory_bytes)],
  ];
  if (verified !== null) {
    rows.push([
      'held-out loss',
      `base ${loss(verified.base_loss)}, base + adapter ${loss(verified.tuned_loss)}, merged ${loss(verified.export_loss)}` +
        (verified.recovered_share === null ? '' : ` (${percent(verified.recovered_share)} of the tuning kept)`),
    ]);
  }
  rows.push(['merged model', `${exported.output_path} (${exported.output_type}, ${bytes(exported.output_bytes)})`]);
  rows.push(['all in all', duration(took_ms)]);
  output.text(`\n${table(rows)}`);
  const shortest = relative(process.cwd(), exported.output_path);
  const path = shortest.startsWith('..') ? exported.output_path : shortest;
  output.text(`\nAsk it yourself: npx forja chat --model ${path} --system "${SYSTEM_TEXT}"`);
  const { train_loss, val_loss, tokens_per_second, peak_memory_bytes, steps, trainable_parameters } = trained;
  output.result('demo', {
    exact_before: before.correct,
    exact_after: after.correct,
    exact_total: after.total,
    exact_difference: exact.difference,
    exact_low: exact.low,
    exact_high: exact.high,
    exact_p: exact.mcnemar?.p ?? null,
    exact_judgement: exact.judgement?.kind ?? null,
    steps,
    train_loss,
    val_loss,
    tokens_per_second,
    peak_memory_bytes,
    trainable_parameters,
    base_loss: verified?.base_loss ?? null,
    tuned_loss: verified?.tuned_loss ?? null,
    export_loss: verified?.export_loss ?? null,
    merged_path: exported.output_path,
    duration_ms: took_ms,
  });
}

/** The answers of both models as `forja evaluate` judges them: share right, difference, interval, and what that says. */
function judged(before: ExactMatch, after: ExactMatch): Figure {
  const rows = before.answers.map(({ answer, expected }, at) => ({
    line: at + 1,
    prompt: '',
    expected,
    choice: null,
    base: { answer },
    tuned: { answer: after.answers[at]!.answer },
  }));
  return figuresOf(['exact_match'], rows, { pattern: null, schema: null, tolerance: 0 })[0]!;
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= 110 ? line : `${line.slice(0, 109)}…`;
}

try {
  process.exitCode = await main();
} catch (error) {
  const report = toReport(error);
  output.fail('demo', report);
  process.exitCode = report.exit_code;
}
await output.drain();
