/** Exports of a tuned model, and the check of what was exported. */
export {
  exportAdapter,
  verifyExport,
  writeExport,
  type ExportCheck,
  type ExportOutcome,
  type ExportRequest,
} from './export-adapter.ts';
export { modelfile, modelfilePath, takeApart, type TurnParts } from './modelfile.ts';
