import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EvaluationRow, Figure, FigureName, RowFilter } from '../contracts/shapes/evaluation.ts';
import { EVALUATION_VERSION, type EvaluationFile } from './evaluation-file.ts';
import { isLowerBetter, valueOf, type EvaluatedRow, type MetricSettings, type Outcome } from './figures.ts';
import { likeliest } from './metrics/choice.ts';

/** Rows as they are shown and written out, beside the evaluation's figures. */
export const TABLE_FILE = 'table.jsonl';

/** A row with its texts and its own values of the figures. */
export function tableRow(row: EvaluatedRow, figures: readonly Figure[], settings: MetricSettings): EvaluationRow {
  const { line, prompt, expected, choice, base, tuned } = row;
  const said = ({ answer, options }: Outcome) =>
    answer ??
    (options === undefined || choice === null
      ? null
      : (choice.options[likeliest(options, choice.options).plain] ?? null));
  const values = Object.fromEntries(
    figures.map(({ name }) => [name, [valueOf(name, row, 'base', settings), valueOf(name, row, 'tuned', settings)]]),
  ) as EvaluationRow['values'];
  return { line, prompt, expected, base: said(base), tuned: tuned === null ? null : said(tuned), values };
}

/** The evaluations in a folder that have ended, the newest first. What can't be read is left out. */
export function listEvaluations(dir: string): EvaluationFile[] {
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch {
    return [];
  }
  return names.flatMap((name) => readEvaluation(join(dir, name)) ?? []).sort((a, b) => b.created_ms - a.created_ms);
}

function readEvaluation(dir: string): EvaluationFile | null {
  try {
    const file = JSON.parse(readFileSync(join(dir, 'evaluation.json'), 'utf8')) as Omit<
      EvaluationFile,
      'forja_evaluation'
    > & {
      forja_evaluation: number;
    };
    return file.forja_evaluation === EVALUATION_VERSION ? { ...file, forja_evaluation: EVALUATION_VERSION } : null;
  } catch {
    return null;
  }
}

/** The rows of an evaluation that has ended. */
export function readTable(dir: string): EvaluationRow[] {
  return readFileSync(join(dir, TABLE_FILE), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as EvaluationRow);
}

/** Whether the tuned side did better on a row, by one figure; null where one of them has no value. */
export function rowJudgement({ values }: EvaluationRow, figure: FigureName): 'better' | 'worse' | 'same' | null {
  const [base, tuned] = values[figure] ?? [null, null];
  if (base === null || tuned === null) return null;
  if (base === tuned) return 'same';
  return tuned > base === isLowerBetter(figure) ? 'worse' : 'better';
}

/**
 * The rows that fit, the worst first: by the tuned side's value (the base's where there is no tuned side), then by how much was lost.
 * @param search letters in any case, anywhere in a row's texts
 */
export function worstFirst(
  rows: readonly EvaluationRow[],
  figure: FigureName,
  filter: RowFilter,
  search: string,
): EvaluationRow[] {
  const sign = isLowerBetter(figure) ? -1 : 1;
  const wanted = search.trim().toLowerCase();
  const holds = ({ prompt, expected, base, tuned }: EvaluationRow) =>
    wanted === '' || [prompt, expected, base, tuned].some((text) => text?.toLowerCase().includes(wanted) === true);
  const placeOf = ({ values }: EvaluationRow): [number, number] => {
    const [base, tuned] = values[figure] ?? [null, null];
    const shown = tuned ?? base;
    return shown === null ? [Infinity, 0] : [sign * shown, base === null || tuned === null ? 0 : sign * (tuned - base)];
  };
  return rows
    .filter((row) => (filter === 'all' || rowJudgement(row, figure) === filter) && holds(row))
    .map((row) => ({ row, place: placeOf(row) }))
    .sort((a, b) => compare(a.place[0], b.place[0]) || compare(a.place[1], b.place[1]) || a.row.line - b.row.line)
    .map(({ row }) => row);
}

const compare = (a: number, b: number) => (a === b ? 0 : a < b ? -1 : 1);
