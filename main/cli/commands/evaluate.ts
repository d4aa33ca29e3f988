import { writeFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { EXIT } from '../../contracts/errors.ts';
import {
  METRICS,
  REPORT_FORMATS,
  type EvaluationProgress,
  type Figure,
  type Metric,
  type ReportFormat,
} from '../../contracts/shapes/evaluation.ts';
import type { TemplateChoice } from '../../datasets/index.ts';
import {
  evaluate,
  OPTION_STYLES,
  reportOf,
  requestOfRun,
  sentenceOf,
  shown,
  type Evaluated,
  type EvaluationRequest,
  type OptionStyle,
} from '../../evaluation/index.ts';
import { RunFolder } from '../../runs/index.ts';
import type { Arguments, Command } from '../lib/command.ts';
import { DATASET_OPTIONS, datasetChoices } from '../lib/dataset-options.ts';
import { count, plural, table } from '../lib/format.ts';
import { onInterrupt } from '../lib/interrupts.ts';
import type { Output } from '../lib/output.ts';
import { usage } from '../lib/parse.ts';
import { adapterOf } from '../lib/run-adapter.ts';

export const evaluateCommand: Command = {
  name: 'evaluate',
  summary: 'Measure a model before and after tuning on rows that it was not trained on',
  about:
    'Says of each metric whether the tuned model is better, with a 95 % interval. Ctrl-C stops; the same command goes on from there, ' +
    'and one with other metrics computes only what is missing. docs/evaluation.md says how each metric is computed.',
  groups: [
    {
      title: 'Who',
      options: [
        { flag: 'run', kind: 'string', value: 'DIR', help: "a run's folder: its base and its adapter" },
        { flag: 'checkpoint', kind: 'string', value: 'WHICH', help: 'which adapter of the run: best, last, or a step' },
        { flag: 'model', kind: 'string', value: 'GGUF', help: 'a model' },
        {
          flag: 'adapter',
          kind: 'string',
          value: 'GGUF',
          help: 'an adapter to put on --model, which alone is the base',
        },
        {
          flag: 'base',
          kind: 'string',
          value: 'GGUF',
          help: 'what --model is compared with, where that is a merged model',
        },
      ],
    },
    {
      title: 'On what',
      options: [
        {
          flag: 'data',
          kind: 'string',
          value: 'FILE',
          help: 'rows that were not trained on',
          default: "the run's held-out rows",
        },
        {
          flag: 'metric',
          kind: 'string',
          repeated: true,
          required: true,
          choices: METRICS,
          help: 'what to measure; may be repeated',
        },
        { flag: 'max-rows', kind: 'number', help: 'no more rows than this; 0: all', default: '0' },
      ],
    },
    { title: 'Dataset', options: DATASET_OPTIONS },
    {
      title: 'How',
      options: [
        { flag: 'max-tokens', kind: 'number', help: 'the longest answer', default: '256' },
        { flag: 'context', kind: 'number', help: 'context length in tokens', default: '2048' },
        { flag: 'max-seq-len', kind: 'number', help: 'where the loss cuts rows', default: "the run's, or 512" },
        { flag: 'pattern', kind: 'string', help: 'regex: what the answer must match; with a group, as the row has it' },
        { flag: 'schema', kind: 'string', value: 'FILE', help: 'json_schema: a JSON Schema that answers must fit' },
        { flag: 'tolerance', kind: 'number', help: 'number: how far off still is right', default: '0' },
        {
          flag: 'options',
          kind: 'string',
          choices: OPTION_STYLES,
          help: "multiple_choice: score each option's text, or list the options and score their letters",
          default: 'text',
        },
        { flag: 'device', kind: 'string', help: 'where losses are computed: cpu, auto or a name', default: 'cpu' },
        {
          flag: 'compute-type',
          kind: 'string',
          choices: ['auto', 'f32'],
          help: 'of losses and likelihoods; f32 is the reference',
          default: 'auto',
        },
        { flag: 'threads', kind: 'number', help: 'CPU threads; 0: as the machine has', default: '0' },
        {
          flag: 'report',
          kind: 'string',
          value: 'FILE',
          repeated: true,
          help: 'write a report: .html to be looked at, .csv with the rows, .json with all; may be repeated',
        },
        { flag: 'out', kind: 'string', value: 'DIR', help: 'where results lie', default: "the run's folder, or here" },
      ],
    },
  ],
  examples: [
    'forja evaluate --run runs/first --metric loss --metric exact_match',
    'forja evaluate --model base.gguf --adapter tuned.gguf --data held-out.jsonl --metric chrf --json',
    'forja evaluate --run runs/first --data mmlu.csv --metric multiple_choice',
  ],
  run: async (args, output) => {
    const reports = reportPaths(args);
    const request = await requestOf(args, output);
    const abort = new AbortController();
    const interrupts = onInterrupt(
      () => abort.abort(),
      () => process.exit(EXIT.stopped),
    );
    try {
      const evaluated = await evaluate(request, {
        signal: abort.signal,
        onProgress: (progress) => tell(progress, output),
      });
      if (evaluated === null) {
        output.warn('Stopped. What was answered and scored is kept.', 'The same command goes on from there.');
        output.result('evaluate', { status: 'stopped' }, EXIT.stopped);
        return EXIT.stopped;
      }
      for (const path of reports) writeReport(path, evaluated, output);
      print(evaluated, output);
      output.result('evaluate', { status: 'completed', ...flat(evaluated) });
      return EXIT.done;
    } finally {
      interrupts.release();
    }
  },
};

/** @throws ForjaError usage for a file of another kind: before hours of work, not behind them */
function reportPaths({ options }: Arguments): string[] {
  const paths = (options.report as string[] | undefined) ?? [];
  const wrong = paths.find((path) => !REPORT_FORMATS.some((format) => path.toLowerCase().endsWith(`.${format}`)));
  if (wrong !== undefined) throw usage(`--report takes a .html, .csv or .json file, not "${wrong}".`, 'Name it so.');
  return paths;
}

function writeReport(path: string, { file, rows }: Evaluated, output: Output): void {
  const format = extname(path).slice(1).toLowerCase() as ReportFormat;
  writeFileSync(path, reportOf(format, file, rows, basename(file.tuned?.model_path ?? file.base.model_path), 'en'));
  output.text(`Report: ${path}`);
}

async function requestOf(args: Arguments, output: Output): Promise<EvaluationRequest> {
  const { options } = args;
  const number = (flag: string, fallback: number) => (options[flag] as number | undefined) ?? fallback;
  const text = (flag: string) => (options[flag] as string | undefined) ?? null;
  const how = {
    metrics: [...new Set(options.metric as Metric[])],
    max_rows: number('max-rows', 0),
    max_tokens: number('max-tokens', 256),
    context: number('context', 2048),
    option_style: (text('options') ?? 'text') as OptionStyle,
    pattern: text('pattern'),
    schema_path: text('schema'),
    tolerance: number('tolerance', 0),
    device: text('device') ?? 'cpu',
    threads: number('threads', 0),
    compute_type: (text('compute-type') ?? 'auto') as 'auto' | 'f32',
  };
  const choices = datasetChoices(args);
  const run = text('run');
  const model = text('model');
  if (run !== null) {
    if (model !== null || text('adapter') !== null || text('base') !== null)
      throw usage('--run is given beside another model.', 'Give --run alone, or --model with --adapter or --base.');
    const folder = new RunFolder(run);
    folder.read();
    const { path } = adapterOf(folder, text('checkpoint') ?? undefined);
    const { request, warnings } = await requestOfRun(folder, path, text('data'));
    for (const { message, hint } of warnings) output.warn(message, hint);
    return {
      ...request,
      ...how,
      format: options.format === undefined ? request.format : choices.format,
      columns: options.column === undefined ? request.columns : choices.columns,
      template: (options.template as TemplateChoice | undefined) ?? request.template,
      template_date: choices.template_date ?? request.template_date,
      max_seq_len: number('max-seq-len', request.max_seq_len),
      out_dir: text('out') ?? request.out_dir,
    };
  }
  const data_path = text('data');
  const adapter = text('adapter');
  const base = text('base');
  if (model === null) throw usage('No model is named.', 'Give --run DIR, or --model with --adapter or --base.');
  if (data_path === null) throw usage('--data is missing.', 'Give a file of rows that were not trained on.');
  return {
    ...how,
    ...choices,
    base: { model_path: base ?? model, adapter_path: null },
    tuned: base === null && adapter === null ? null : { model_path: model, adapter_path: adapter },
    data_path,
    max_seq_len: number('max-seq-len', 512),
    held_out: null,
    out_dir: text('out') ?? join(process.cwd(), 'evaluations'),
  };
}

const PHASES: Record<EvaluationProgress['phase'], string> = {
  reading: 'reading',
  loss: 'scoring rows',
  options: 'scoring options',
  answers: 'answering',
  figures: 'computing intervals',
};

function tell({ phase, side, done, total }: EvaluationProgress, output: Output): void {
  output.progress(phase === 'figures' ? PHASES[phase] : `${PHASES[phase]}, ${side}: ${count(done)} of ${count(total)}`);
  output.row({ type: 'evaluation_progress', phase, side, done, total });
}

function print({ dir, file }: Evaluated, output: Output): void {
  output.text(`Evaluation of ${plural(file.rows, 'row')} of ${file.data_path}`);
  const left: [number, string][] = [
    [file.not_held_out_rows, 'trained on'],
    [file.not_sampled_rows, 'beyond --max-rows'],
    [file.refused_rows, 'that could not be used'],
    [file.too_long_rows, 'longer than the context'],
  ];
  for (const [rows, why] of left) if (rows > 0) output.text(`  left out: ${plural(rows, 'row')} ${why}`);
  for (const { line, reason } of file.refused_examples.slice(0, 3)) output.text(`    line ${line}: ${reason}`);
  output.text(table(file.figures.map((figure) => [figure.name, sentenceOf(figure)])));
  for (const figure of file.figures.filter(({ parts }) => parts.length > 0)) {
    output.text(`\n${figure.name}, part by part`);
    const cells = ({ name, rows, base, tuned }: Figure['parts'][number]) => [
      name,
      plural(rows, 'row'),
      tuned === null ? shown(figure.name, base) : `${shown(figure.name, base)} → ${shown(figure.name, tuned)}`,
    ];
    output.text(table(figure.parts.slice(0, 40).map(cells)));
  }
  output.text(`\nResults and rows: ${dir}`);
}

function flat({ dir, file }: Evaluated): Record<string, unknown> {
  const result: Record<string, unknown> = {
    rows: file.rows,
    refused_rows: file.refused_rows,
    too_long_rows: file.too_long_rows,
    out_dir: dir,
  };
  for (const { name, base, tuned, difference, low, high, mcnemar, judgement, rows } of file.figures) {
    Object.assign(result, {
      [`${name}_rows`]: rows,
      [`${name}_base`]: base,
      [`${name}_tuned`]: tuned,
      [`${name}_difference`]: difference,
      [`${name}_low`]: low,
      [`${name}_high`]: high,
      [`${name}_p`]: mcnemar?.p ?? null,
      [`${name}_judgement`]: judgement?.kind ?? null,
      [`${name}_rows_needed`]: judgement?.rows_needed ?? null,
    });
  }
  return result;
}
