import type { ValidateFunction } from 'ajv';
import type { Figure, FigureName, Metric, Side } from '../contracts/shapes/evaluation.ts';
import { likeliest } from './metrics/choice.ts';
import { CHRF_ORDER, chrfCounts, chrfOf } from './metrics/chrf.ts';
import { compareFields, isValidJson } from './metrics/json.ts';
import { sameNumber } from './metrics/number.ts';
import { rougeL, tokenF1 } from './metrics/overlap.ts';
import { matchesPattern } from './metrics/regex.ts';
import { spaced } from './metrics/words.ts';
import { bootstrapDifference, sumOf } from './statistics/bootstrap.ts';
import { judge } from './statistics/judge.ts';
import { mcnemarP } from './statistics/mcnemar.ts';

/** What one side made of one row. What was not asked for, or could not be had, is absent. */
export interface Outcome {
  answer?: string;
  loss?: { nats: number; tokens: number };
  /** Minus the log-probability of each option. */
  options?: number[];
}

/** A row with what each side made of it. */
export interface EvaluatedRow {
  /** The row's line in the file, from 1. */
  line: number;
  prompt: string;
  expected: string;
  /** Of a question with options: their texts, and which is right. */
  choice: { options: string[]; right: number; subject: string | null } | null;
  base: Outcome;
  tuned: Outcome | null;
}

/** What the metrics are told besides the rows. */
export interface MetricSettings {
  pattern: RegExp | null;
  schema: ValidateFunction | null;
  tolerance: number;
}

/** How a figure comes from rows: what a row adds to the sums, and the figure from the sums. */
interface Rule {
  name: FigureName;
  metric: Metric;
  lower_is_better?: boolean;
  /** A row is right (1) or wrong (0): McNemar's test applies. */
  isAccuracy?: boolean;
  /** Null where the row has nothing to measure. */
  add: (row: EvaluatedRow, outcome: Outcome, settings: MetricSettings) => Float64Array | null;
  figure: (sums: Float64Array) => number;
}

const mean = (sums: Float64Array) => sums[0]! / sums[1]!;

/** A metric of one value a row, whose figure is the mean. */
function ofAnswers(
  name: Metric & FigureName,
  value: (answer: string, expected: string, settings: MetricSettings) => number | boolean,
  isAccuracy = false,
): Rule {
  return {
    name,
    metric: name,
    isAccuracy,
    add: ({ expected }, { answer }, settings) =>
      answer === undefined ? null : Float64Array.of(Number(value(answer, expected, settings)), 1),
    figure: mean,
  };
}

function ofChoice(name: FigureName, kind: 'plain' | 'normalised'): Rule {
  return {
    name,
    metric: 'multiple_choice',
    isAccuracy: true,
    add: ({ choice }, { options }) =>
      choice === null || options === undefined
        ? null
        : Float64Array.of(Number(likeliest(options, choice.options)[kind] === choice.right), 1),
    figure: mean,
  };
}

function ofLoss(name: 'loss' | 'perplexity', figure: Rule['figure']): Rule {
  return {
    name,
    metric: name,
    lower_is_better: true,
    add: (_, { loss }) => (loss === undefined ? null : Float64Array.of(loss.nats, loss.tokens)),
    figure,
  };
}

const RULES: readonly Rule[] = [
  ofLoss('loss', mean),
  ofLoss('perplexity', (sums) => Math.exp(mean(sums))),
  ofAnswers('exact_match', (answer, expected) => spaced(answer) === spaced(expected), true),
  ofAnswers('token_f1', tokenF1),
  ofAnswers('rouge_l', rougeL),
  {
    name: 'chrf',
    metric: 'chrf',
    add: ({ expected }, { answer }) => (answer === undefined ? null : chrfCounts(answer, expected)),
    figure: (sums) => chrfOf(sums.subarray(0, 3 * CHRF_ORDER)),
  },
  ofAnswers('regex', (answer, expected, { pattern }) => matchesPattern(pattern!, answer, expected), true),
  ofAnswers('json_valid', isValidJson, true),
  {
    name: 'json_schema',
    metric: 'json_schema',
    add: ({ expected }, { answer }, { schema }) => {
      if (answer === undefined) return null;
      const fields = [...compareFields(answer, expected, schema).values()];
      return fields.length === 0 ? null : Float64Array.of(fields.filter(Boolean).length, fields.length);
    },
    figure: mean,
  },
  ofAnswers('number', (answer, expected, { tolerance }) => sameNumber(answer, expected, tolerance), true),
  ofChoice('multiple_choice', 'plain'),
  ofChoice('multiple_choice_normalised', 'normalised'),
];

/** A row's own value of a figure, as the list of rows shows it; null where it has none. */
export function valueOf(name: FigureName, row: EvaluatedRow, side: Side, settings: MetricSettings): number | null {
  const rule = RULES.find((one) => one.name === name)!;
  const outcome = row[side];
  const added = outcome === null ? null : rule.add(row, outcome, settings);
  return added === null ? null : rule.figure(added);
}

/** Whether a smaller value is the better one. */
export function isLowerBetter(name: FigureName): boolean {
  return RULES.find((rule) => rule.name === name)?.lower_is_better === true;
}

/**
 * The figures of the metrics over all rows, each with its difference, interval and judgement. A row counts only where every side has
 * it. A figure without any such row is left out.
 */
export function figuresOf(
  metrics: readonly Metric[],
  rows: readonly EvaluatedRow[],
  settings: MetricSettings,
): Figure[] {
  return RULES.filter(({ metric }) => metrics.includes(metric)).flatMap((rule) => figureOf(rule, rows, settings) ?? []);
}

function figureOf(rule: Rule, rows: readonly EvaluatedRow[], settings: MetricSettings): Figure | null {
  const used: EvaluatedRow[] = [];
  const base: Float64Array[] = [];
  const tuned: Float64Array[] = [];
  for (const row of rows) {
    const before = rule.add(row, row.base, settings);
    const after = row.tuned === null ? null : rule.add(row, row.tuned, settings);
    if (before === null || (row.tuned !== null && after === null)) continue;
    used.push(row);
    base.push(before);
    if (after !== null) tuned.push(after);
  }
  if (used.length === 0) return null;
  const parts = partsOf(rule, used, base, tuned, settings);
  const alone: Figure = {
    name: rule.name,
    rows: used.length,
    base: rule.figure(sumOf(base)),
    tuned: null,
    difference: null,
    low: null,
    high: null,
    mcnemar: null,
    judgement: null,
    parts,
  };
  if (tuned.length === 0) return alone;
  const after = rule.figure(sumOf(tuned));
  const difference = after - alone.base;
  const interval = bootstrapDifference({ base, tuned, figure: rule.figure });
  const differs = (row: number) => base[row]!.some((value, at) => value !== tuned[row]![at]);
  const only = (side: Float64Array[]) => side.filter((value, row) => differs(row) && value[0] === 1).length;
  const mcnemar =
    rule.isAccuracy === true
      ? { base_only: only(base), tuned_only: only(tuned), p: mcnemarP(only(base), only(tuned)) }
      : null;
  const judgement = judge({
    rows: used.length,
    differing: base.filter((_, row) => differs(row)).length,
    difference,
    interval,
    p: mcnemar?.p ?? null,
    lower_is_better: rule.lower_is_better === true,
  });
  return { ...alone, tuned: after, difference, low: interval.low, high: interval.high, mcnemar, judgement };
}

/** By subject where the questions have any, and by field of the JSON. */
function partsOf(
  rule: Rule,
  rows: readonly EvaluatedRow[],
  base: readonly Float64Array[],
  tuned: readonly Float64Array[],
  settings: MetricSettings,
): Figure['parts'] {
  if (rule.name === 'json_schema') return fieldsOf(rows, settings);
  const subjects = new Map<string, number[]>();
  for (const [at, { choice }] of rows.entries()) {
    if (choice?.subject === null || choice === null) continue;
    subjects.set(choice.subject, [...(subjects.get(choice.subject) ?? []), at]);
  }
  const of = (side: readonly Float64Array[], places: number[]) => rule.figure(sumOf(places.map((at) => side[at]!)));
  return [...subjects]
    .map(([name, places]) => ({
      name,
      rows: places.length,
      base: of(base, places),
      tuned: tuned.length === 0 ? null : of(tuned, places),
    }))
    .sort((a, b) => b.rows - a.rows || a.name.localeCompare(b.name));
}

function fieldsOf(rows: readonly EvaluatedRow[], { schema }: MetricSettings): Figure['parts'] {
  const counts = new Map<string, { rows: number; base: number; tuned: number }>();
  for (const { expected, base, tuned } of rows) {
    for (const [side, outcome] of [
      ['base', base],
      ['tuned', tuned],
    ] as const) {
      if (outcome?.answer === undefined) continue;
      for (const [path, isRight] of compareFields(outcome.answer, expected, schema)) {
        // Lists of any length have one line: items/*/size.
        const name = path.replaceAll(/(^|\/)\d+(?=\/|$)/g, '$1*');
        const count = counts.get(name) ?? { rows: 0, base: 0, tuned: 0 };
        count[side] += Number(isRight);
        if (side === 'base') count.rows += 1;
        counts.set(name, count);
      }
    }
  }
  const isAlone = rows.every(({ tuned }) => tuned === null);
  return (
    [...counts]
      // What only wrong answers have is no field of the rows.
      .filter(([, { base, tuned }]) => base + tuned > 0)
      .map(([name, { rows: n, base, tuned }]) => ({
        name,
        rows: n,
        base: base / Math.max(1, n),
        tuned: isAlone ? null : tuned / Math.max(1, n),
      }))
  );
}
