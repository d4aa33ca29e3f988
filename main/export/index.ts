/** Exports of a tuned model, and the check of what was exported. */
export {
  exportAdapter,
  verifyExport,
  writeExport,
  type ExportCheck,
  type ExportOutcome,
  type ExportRequest,
} from './export-adapter.ts';
export { modelfile, modelfilePath, whyNoTemplate, WITHOUT_TEMPLATE } from './modelfile.ts';
export { ollamaPrompt, ollamaTemplate, textOn, type OllamaTemplate, type Turns } from './ollama/index.ts';
