import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import { ForjaError } from '../contracts/errors.ts';
import { METRICS, type Metric } from '../contracts/shapes/evaluation.ts';
import type { ColumnMap, RowFormat, TemplateChoice } from '../datasets/index.ts';
import type { MetricSettings } from './figures.ts';

/** How options are put to a model: each option's text as the answer, or all of them listed and their letters as answers. */
export const OPTION_STYLES = ['text', 'letter'] as const;
export type OptionStyle = (typeof OPTION_STYLES)[number];

/** A model, with an adapter on it or not. */
export interface Party {
  model_path: string;
  adapter_path: string | null;
}

/** What is asked for. */
export interface EvaluationRequest {
  base: Party;
  /** Null: the base is measured alone. */
  tuned: Party | null;
  data_path: string;
  format: RowFormat | 'auto';
  columns: ColumnMap;
  template: TemplateChoice;
  /** The day that templates which print a date take for today. */
  template_date: Date | undefined;
  metrics: Metric[];
  /** 0: all rows. */
  max_rows: number;
  /** The longest answer, in tokens. */
  max_tokens: number;
  /** Context length in tokens: of answers, and the longest question with an option. */
  context: number;
  /** Where the loss cuts rows, as training did. */
  max_seq_len: number;
  option_style: OptionStyle;
  /** A regular expression, for `regex`. */
  pattern: string | null;
  /** A file with a JSON Schema, for `json_schema`; null: only the expected answers tell what is right. */
  schema_path: string | null;
  /** For `number`. */
  tolerance: number;
  device: string;
  threads: number;
  /** Of losses and likelihoods: `auto`, or `f32` for the reference. */
  compute_type: 'auto' | 'f32';
  /** Only rows that this run's folder remembers as held out; null: all rows of the file. */
  held_out: Uint32Array | null;
  /** Where the evaluation's folder is made, `DIR/<key>`. */
  out_dir: string;
}

/** Metrics of generated answers. */
const ANSWER_METRICS: readonly Metric[] = [
  'exact_match',
  'token_f1',
  'rouge_l',
  'chrf',
  'regex',
  'json_valid',
  'json_schema',
  'number',
];

/** What has to be computed for the metrics. */
export function needs(metrics: readonly Metric[]): { answers: boolean; losses: boolean; options: boolean } {
  return {
    answers: metrics.some((metric) => ANSWER_METRICS.includes(metric)),
    losses: metrics.includes('loss') || metrics.includes('perplexity'),
    options: metrics.includes('multiple_choice'),
  };
}

/**
 * Checks what the metrics are told.
 * @throws ForjaError evaluation_invalid, file_not_found
 */
export function metricSettings(request: EvaluationRequest): MetricSettings {
  const { metrics, pattern, schema_path, tolerance } = request;
  if (metrics.length === 0) throw invalid('metric', 'No metric is named.', `Name some of ${METRICS.join(', ')}.`);
  if (metrics.includes('regex') && pattern === null)
    throw invalid('pattern', 'The metric regex needs a pattern.', 'Give one with --pattern.');
  if (!(tolerance >= 0)) throw invalid('tolerance', `The tolerance is ${tolerance}.`, 'Give 0 or more.');
  return {
    pattern: pattern === null ? null : compiled(pattern),
    schema: schema_path === null ? null : schemaOf(schema_path),
    tolerance,
  };
}

function compiled(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u');
  } catch (error) {
    throw invalid('pattern', (error as Error).message, 'Patterns are written as in JavaScript, with its flag u.');
  }
}

function schemaOf(path: string): ValidateFunction {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const reason = (error as Error).message;
    throw new ForjaError('file_not_found', `The schema ${path} can't be read: ${reason}`, 'Check its path.', { path });
  }
  try {
    return new Ajv({ allErrors: true, strict: false }).compile(JSON.parse(text) as object);
  } catch (error) {
    throw invalid(
      'schema',
      `${path}: ${(error as Error).message}`,
      'Give a JSON Schema of draft 7 or what it has in common with later ones.',
    );
  }
}

function invalid(setting: string, reason: string, hint: string): ForjaError {
  return new ForjaError('evaluation_invalid', `The evaluation can't be made (${setting}): ${reason}`, hint, {
    setting,
    reason,
  });
}

/** The files' hashes, by which an evaluation is known again. */
export interface Identities {
  base: string;
  tuned: string | null;
  adapter: string | null;
  data: string;
}

/**
 * A short name of all that answers and scores depend on. The same name means that rows which are there already count; metrics are
 * computed anew each time and are no part of it.
 */
export function keyOf(request: EvaluationRequest, identities: Identities): string {
  const {
    format,
    columns,
    template,
    template_date,
    max_tokens,
    context,
    max_seq_len,
    option_style,
    held_out,
    compute_type,
  } = request;
  const said = JSON.stringify({
    ...identities,
    format,
    columns: Object.entries(columns).sort(([a], [b]) => a.localeCompare(b)),
    template,
    day: template_date?.toISOString().slice(0, 10) ?? null,
    max_tokens,
    context,
    max_seq_len,
    option_style,
    compute_type,
    held_out: held_out === null ? null : createHash('sha256').update(held_out).digest('hex'),
  });
  return createHash('sha256').update(said).digest('hex').slice(0, 12);
}
