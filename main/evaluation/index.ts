/**
 * Is it better, at what, and by how much: rows that were not trained on, answered and scored before and after tuning.
 *
 *   const evaluated = await evaluate(request, { onProgress, signal });
 *   for (const figure of evaluated.file.figures) print(sentenceOf(figure));
 */
export { evaluate, type Evaluated, type EvaluationHooks } from './evaluate.ts';
export { listEvaluations, readTable, rowJudgement, worstFirst } from './table.ts';
export { reportOf, type ReportLanguage } from './report/index.ts';
export { OPTION_STYLES, type EvaluationRequest, type OptionStyle, type Party } from './definition.ts';
export type { EvaluationFile } from './evaluation-file.ts';
export { figuresOf, isLowerBetter, valueOf, type EvaluatedRow, type Outcome } from './figures.ts';
export { sentenceOf, shown } from './sentence.ts';
export { requestOfRun } from './of-run.ts';
