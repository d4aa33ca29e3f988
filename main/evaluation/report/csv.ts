import type { EvaluationRow } from '../../contracts/shapes/evaluation.ts';

/** Rows as CSV (RFC 4180) with a byte-order mark, which spreadsheets take for UTF-8. */
export function csvReport(rows: readonly EvaluationRow[]): string {
  const figures = [...new Set(rows.flatMap(({ values }) => Object.keys(values)))] as (keyof EvaluationRow['values'])[];
  const head = [
    'line',
    'prompt',
    'expected',
    'base',
    'tuned',
    ...figures.flatMap((name) => [`${name}_base`, `${name}_tuned`]),
  ];
  const lines = rows.map(({ line, prompt, expected, base, tuned, values }) => [
    line,
    ...[prompt, expected, base, tuned].map(harmless),
    ...figures.flatMap((name) => values[name] ?? [null, null]),
  ]);
  return `\uFEFF${[head, ...lines].map((cells) => cells.map(cell).join(',')).join('\r\n')}\r\n`;
}

/** A text that a spreadsheet would compute is made a text. */
function harmless(text: string | null): string | null {
  return text !== null && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}

function cell(value: string | number | null): string {
  const text = value === null ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
