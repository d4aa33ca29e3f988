import type { FigureName, Judgement } from '../../contracts/shapes/evaluation.ts';
import { roundUp } from '../sentence.ts';

export type ReportLanguage = 'en' | 'es';

/** The words of the report. */
export interface ReportTexts {
  title: (name: string) => string;
  about: (rows: number, file: string, day: string) => string;
  metric: string;
  base: string;
  tuned: string;
  expected: string;
  difference: string;
  interval: string;
  verdict: string;
  points: string;
  lower: string;
  part: string;
  rowCount: string;
  partsOf: (name: string) => string;
  rows: (shown: number, all: number) => string;
  line: (line: number) => string;
  judged: (judgement: Judgement, difference: number) => string;
  method: string;
  names: Record<FigureName, string>;
}

export const REPORT_TEXTS: Record<ReportLanguage, ReportTexts> = {
  en: {
    title: (name) => `Evaluation of ${name}`,
    about: (rows, file, day) => `Before and after tuning, on ${rows} rows of ${file}. ${day}.`,
    metric: 'Metric',
    base: 'Before',
    tuned: 'After',
    expected: 'Expected',
    difference: 'Difference',
    interval: '95 % interval',
    verdict: 'Verdict',
    points: 'points',
    lower: '(lower is better)',
    part: 'Part',
    rowCount: 'Rows',
    partsOf: (name) => `${name}, part by part`,
    rows: (shown, all) => (shown < all ? `The ${shown} worst of ${all} rows` : `All ${all} rows, the worst first`),
    line: (line) => `Line ${line}`,
    judged: ({ kind, rows_needed }, difference) =>
      kind === 'better'
        ? 'Better'
        : kind === 'worse'
          ? 'Worse'
          : difference === 0
            ? 'No difference seen'
            : rows_needed === null
              ? 'Not enough rows to tell; a million would not be enough'
              : `Not enough rows to tell; about ${roundUp(rows_needed)} would probably tell`,
    method:
      'Intervals: paired bootstrap, 2,000 resamples, fixed seed. Where a row is right or wrong, McNemar’s exact test must agree. Made by Forja.',
    names: {
      loss: 'Loss',
      perplexity: 'Perplexity',
      exact_match: 'Exact answers',
      token_f1: 'Word overlap (F1)',
      rouge_l: 'ROUGE-L',
      chrf: 'chrF',
      regex: 'Matches the pattern',
      json_valid: 'Valid JSON',
      json_schema: 'JSON fields right',
      number: 'Last number right',
      multiple_choice: 'Multiple choice',
      multiple_choice_normalised: 'Multiple choice, by length',
    },
  },
  es: {
    title: (name) => `Evaluación de ${name}`,
    about: (rows, file, day) => `Antes y después del ajuste, en ${rows} filas de ${file}. ${day}.`,
    metric: 'Métrica',
    base: 'Antes',
    tuned: 'Después',
    expected: 'Esperada',
    difference: 'Diferencia',
    interval: 'Intervalo del 95 %',
    verdict: 'Veredicto',
    points: 'puntos',
    lower: '(menos es mejor)',
    part: 'Parte',
    rowCount: 'Filas',
    partsOf: (name) => `${name}, por partes`,
    rows: (shown, all) =>
      shown < all ? `Las ${shown} peores de ${all} filas` : `Las ${all} filas, las peores primero`,
    line: (line) => `Línea ${line}`,
    judged: ({ kind, rows_needed }, difference) =>
      kind === 'better'
        ? 'Mejor'
        : kind === 'worse'
          ? 'Peor'
          : difference === 0
            ? 'No se ve diferencia'
            : rows_needed === null
              ? 'No hay filas suficientes para saberlo; un millón no bastaría'
              : `No hay filas suficientes para saberlo; probablemente bastarían unas ${roundUp(rows_needed)}`,
    method:
      'Intervalos: bootstrap pareado, 2.000 remuestreos, semilla fija. Donde una fila está bien o mal, la prueba exacta de McNemar debe coincidir. Hecho con Forja.',
    names: {
      loss: 'Pérdida',
      perplexity: 'Perplejidad',
      exact_match: 'Respuestas exactas',
      token_f1: 'Palabras en común (F1)',
      rouge_l: 'ROUGE-L',
      chrf: 'chrF',
      regex: 'Cumple el patrón',
      json_valid: 'JSON válido',
      json_schema: 'Campos JSON correctos',
      number: 'Último número correcto',
      multiple_choice: 'Opción múltiple',
      multiple_choice_normalised: 'Opción múltiple, según su longitud',
    },
  },
};
