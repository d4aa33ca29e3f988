import type { Figure, Metric } from '../contracts/shapes/evaluation.ts';
import type { Identities, OptionStyle, Party } from './definition.ts';

/** The version of evaluation.json: raised when an older Forja could no longer read it. */
export const EVALUATION_VERSION = 1;

/** evaluation.json: what was asked, of whom, and what came out. The rows lie beside it in rows.jsonl. */
export interface EvaluationFile {
  forja_evaluation: typeof EVALUATION_VERSION;
  key: string;
  created_ms: number;
  base: Party;
  tuned: Party | null;
  identities: Identities;
  data_path: string;
  metrics: Metric[];
  template: string;
  max_tokens: number;
  option_style: OptionStyle;
  pattern: string | null;
  schema_path: string | null;
  tolerance: number;
  /** Rows that were read and could be used. */
  rows: number;
  refused_rows: number;
  refused_examples: { line: number; reason: string }[];
  /** Rows of the file that the run trained on, which are left out. */
  not_held_out_rows: number;
  not_sampled_rows: number;
  /** Rows whose prompt is longer than the context. */
  too_long_rows: number;
  figures: Figure[];
}
