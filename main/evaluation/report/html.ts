import type { EvaluationRow, Figure } from '../../contracts/shapes/evaluation.ts';
import type { EvaluationFile } from '../evaluation-file.ts';
import { isLowerBetter } from '../figures.ts';
import { shown, shownDifference } from '../sentence.ts';
import { rowJudgement, worstFirst } from '../table.ts';
import { REPORT_TEXTS, type ReportLanguage, type ReportTexts } from './texts.ts';

/** Rows in the report: the worst ones; all of them are in the CSV. */
export const REPORT_ROWS = 500;

/**
 * One file that needs nothing else and fetches nothing: figures with their intervals as bars, parts, and the worst rows with both answers.
 */
export function htmlReport(
  file: EvaluationFile,
  rows: readonly EvaluationRow[],
  name: string,
  language: ReportLanguage,
): string {
  const t = REPORT_TEXTS[language];
  const first = file.figures[0];
  const worst = first === undefined ? [] : worstFirst(rows, first.name, 'all', '').slice(0, REPORT_ROWS);
  const data = file.data_path.split(/[\\/]/).at(-1) ?? '';
  const day = new Date(file.created_ms).toISOString().slice(0, 10);
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${text(t.title(name))}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${text(t.title(name))}</h1>
<p>${text(t.about(file.rows, data, day))}</p>
<table>
<thead><tr><th>${t.metric}</th><th>${t.base}</th><th>${t.tuned}</th><th>${t.difference}</th><th>${t.interval}</th><th>${t.verdict}</th></tr></thead>
<tbody>
${file.figures.map((figure) => figureRow(figure, t)).join('\n')}
</tbody>
</table>
${file.figures.map((figure) => partsTable(figure, t)).join('\n')}
<h2>${text(t.rows(worst.length, rows.length))}</h2>
${worst.map((row) => rowOf(row, first!, t)).join('\n')}
<p class="small">${text(t.method)}</p>
</body>
</html>
`;
}

function figureRow(figure: Figure, t: ReportTexts): string {
  const { name, base, tuned, difference, low, high, judgement } = figure;
  const title = `<th scope="row">${text(t.names[name])}${isLowerBetter(name) ? ` <span class="small">${t.lower}</span>` : ''}</th>`;
  if (tuned === null || difference === null || low === null || high === null || judgement === null)
    return `<tr>${title}<td>${shown(name, base)}</td><td colspan="4"></td></tr>`;
  const cells = [shown(name, base), shown(name, tuned), shownDifference(name, difference)];
  const interval = `${shownDifference(name, low).replace(' points', '')} … ${shownDifference(name, high).replace(' points', '')}`;
  return `<tr>${title}${cells.map((cell) => `<td>${text(cell.replace(' points', ` ${t.points}`))}</td>`).join('')}<td>${bar(low, difference, high)} <span class="small">${text(interval)}</span></td><td class="${judgement.kind}">${text(t.judged(judgement, difference))}</td></tr>`;
}

/** The interval beside zero, on a scale of its own. */
function bar(low: number, difference: number, high: number): string {
  const most = Math.max(Math.abs(low), Math.abs(high), 1e-12);
  const at = (value: number) => (60 + (55 * value) / most).toFixed(1);
  return `<svg width="120" height="14" role="img" aria-hidden="true"><line x1="60" x2="60" y1="0" y2="14" class="zero"/><line x1="${at(low)}" x2="${at(high)}" y1="7" y2="7" class="span"/><circle cx="${at(difference)}" cy="7" r="3"/></svg>`;
}

function partsTable({ name, parts }: Figure, t: ReportTexts): string {
  if (parts.length === 0) return '';
  const lines = parts.map(
    (part) =>
      `<tr><th scope="row">${text(part.name)}</th><td>${part.rows}</td><td>${shown(name, part.base)}</td><td>${part.tuned === null ? '' : shown(name, part.tuned)}</td></tr>`,
  );
  return `<h2>${text(t.partsOf(t.names[name]))}</h2><table><thead><tr><th>${t.part}</th><th>${t.rowCount}</th><th>${t.base}</th><th>${t.tuned}</th></tr></thead><tbody>${lines.join('')}</tbody></table>`;
}

function rowOf(row: EvaluationRow, figure: Figure, t: ReportTexts): string {
  const kind = rowJudgement(row, figure.name) ?? 'same';
  const values = row.values[figure.name] ?? [null, null];
  const value = (at: 0 | 1) => (values[at] === null ? '' : ` (${shown(figure.name, values[at])})`);
  const answer = (label: string, said: string | null, note: string) =>
    said === null ? '' : `<dt>${text(label + note)}</dt><dd>${text(said)}</dd>`;
  return `<article class="${kind}"><h3>${text(t.line(row.line))}</h3><p class="prompt">${text(row.prompt)}</p><dl>${answer(t.expected, row.expected, '')}${answer(t.base, row.base, value(0))}${answer(t.tuned, row.tuned, value(1))}</dl></article>`;
}

function text(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

const STYLE = `
:root{color-scheme:light dark;--line:#8884}
body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}th,td{text-align:start;padding:.35rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
.small{font-size:.85em;opacity:.75}.better{color:#15803d}.worse{color:#b91c1c}
@media (prefers-color-scheme:dark){.better{color:#4ade80}.worse{color:#f87171}}
svg .zero{stroke:currentColor;opacity:.4}svg .span{stroke:currentColor;stroke-width:2}svg circle{fill:currentColor}
article{border:1px solid var(--line);border-inline-start:4px solid var(--line);border-radius:6px;padding:.5rem 1rem;margin:.75rem 0;color:inherit}
article.better{border-inline-start-color:#15803d;color:inherit}article.worse{border-inline-start-color:#b91c1c;color:inherit}
h3{margin:0;font-size:.85em;opacity:.75}dt{font-size:.85em;opacity:.75}dd,.prompt{margin:0 0 .4rem;white-space:pre-wrap;overflow-wrap:anywhere}
`;
