import type { EvaluationRow, ReportFormat } from '../../contracts/shapes/evaluation.ts';
import type { EvaluationFile } from '../evaluation-file.ts';
import { csvReport } from './csv.ts';
import { htmlReport } from './html.ts';
import type { ReportLanguage } from './texts.ts';

export { REPORT_TEXTS, type ReportLanguage } from './texts.ts';

/**
 * An evaluation as a file that can be sent to somebody.
 * @param name of the run, or of what was evaluated
 */
export function reportOf(
  format: ReportFormat,
  file: EvaluationFile,
  rows: readonly EvaluationRow[],
  name: string,
  language: ReportLanguage,
): string {
  if (format === 'csv') return csvReport(rows);
  if (format === 'html') return htmlReport(file, rows, name, language);
  return `${JSON.stringify({ ...file, name, table: rows }, null, 1)}\n`;
}
