import { createFormat } from '../format.ts';
import type { ExportCheckResult, ExportFormat } from '../../../../main/contracts/ipc.ts';

const format = createFormat('en');
type Verdict = ExportCheckResult['verdict'];

export const exportPage = {
  title: 'Export',
  subtitle: 'Save what was trained, in the form that other programs need.',
  noRuns: 'Nothing to export yet',
  noRunsText: 'Train a model first. Any run with an adapter or a checkpoint can be exported.',
  what: 'What to export',
  run: 'Run',
  checkpoint: 'Checkpoint',
  checkpointHelp: 'Final is after the last step. Best is where it did best on rows that it never saw.',
  final: 'Final',
  best: 'Best validation',
  step: (step: string) => `Step ${step}`,
  format: 'Format',
  formats: {
    gguf: 'Merged GGUF',
    'gguf-adapter': 'Adapter GGUF',
    peft: 'PEFT folder',
    ollama: 'Ollama',
  } satisfies Record<ExportFormat, string> as Record<ExportFormat, string>,
  formatTexts: {
    gguf: 'One file with base and adapter merged. Opens in llama.cpp, LM Studio and all that read GGUF.',
    'gguf-adapter': 'The adapter alone, small, for llama.cpp beside its base model.',
    peft: 'The adapter as a folder for Hugging Face PEFT, to continue in Python.',
    ollama: 'A merged GGUF with a Modelfile beside it, for “ollama create”.',
  } satisfies Record<ExportFormat, string> as Record<ExportFormat, string>,
  refusedTitle: (format: string) => `${format}: not for this run`,
  refused: (method: string) =>
    `llama.cpp has no adapters of the method ${method}. Export the merged GGUF, which has all that was learned, or the PEFT folder.`,
  type: 'Type of the weights',
  typeHelp: 'Smaller types take less memory and keep less of what was learned. If in doubt, choose Q8_0.',
  same: 'As the base',
  typeName: (type: string) => (type === 'same' ? 'Type of the base' : type.toUpperCase()),
  recommended: (type: string) => `${type} (recommended)`,
  size: (size: string) => `The file will take ${size}.`,
  check: 'Check the result',
  checkHelp: (answers: number) =>
    `Loads what was written, scores it against the tuned model on your rows${answers > 0 ? `, and compares ${format.plural(answers, { one: '# answer', other: '# answers' })}` : ''}.`,
  checkTime: (time: string) => `This takes about ${time}. You can use the file meanwhile, or skip the check.`,
  checking: 'Checking',
  skipCheck: 'Skip the check',
  readyText: 'The file is complete and can be used while it is checked.',
  checkFailed: 'The check failed. The exported file is complete, but nothing is known of its quality.',
  left: (time: string) => `about ${time} left`,
  answers: {
    title: (same: number, compared: number) =>
      `${format.integer(same)} of ${format.plural(compared, { one: '# answer is', other: '# answers are' })} the same as in the playground`,
    same: 'The exported model was asked with the prompt that its users will send.',
    differs:
      'The exported model was asked with the prompt that its users will send. Where it answers differently, its rounded weights tipped the balance; a larger type brings it closer.',
    promptDiffers: 'Other programs will not ask it as it was trained',
    promptDiffersText: (same: number, compared: number) =>
      `The prompt that they make of the file’s chat template is not the one your rows were trained with: ${format.integer(same)} of ${format.plural(compared, { one: '# answer is', other: '# answers are' })} the same as in the playground. Export for Ollama, whose Modelfile has the trained template, or train with the model’s own template and one system prompt for all rows.`,
    show: (count: number) =>
      format.plural(count, { one: 'Show the different answer', other: 'Show the # different answers' }),
    tuned: 'Playground',
    exported: 'Exported',
  },
  useIn: {
    title: 'Use it in …',
    programs: { ollama: 'Ollama', lmstudio: 'LM Studio', llamacpp: 'llama.cpp', jan: 'Jan' },
    steps: {
      ollama_write: 'Save this as a text file beside the exported one, with its name and the ending “.Modelfile”:',
      ollama_turns_vary:
        'Ollama will not ask it as it was trained: the text between the turns of its template is not always the same, which Ollama’s templates can’t say. Use llama.cpp or LM Studio, which take the template in the file.',
      ollama_shape_differs:
        'Ollama will not ask it as it was trained: its template does with some conversations what Ollama’s templates can’t. Use llama.cpp or LM Studio, which take the template in the file.',
      ollama_create: 'Give it to Ollama:',
      ollama_run: 'Talk to it:',
      lms_import: 'Bring the file into LM Studio’s library (“lms” comes with LM Studio):',
      lms_load: 'Choose it in the model menu of the Chat tab.',
      llama_cli: 'Talk to it in a terminal:',
      llama_server: 'Or serve it, with a page at http://localhost:8080:',
      jan_import: 'In Jan, open Settings › Model Providers › Llama.cpp › Import, and choose this file:',
      jan_choose: 'Start it there, and choose it in a new chat.',
      set_system: 'Set this as the system prompt: it was trained under it, and answers as it learned only with it.',
      no_adapters: 'This program takes no adapter files. Export a merged GGUF for it.',
      peft: 'In Python, with the base from Hugging Face that the GGUF was made of:',
    },
  },
  start: 'Export…',
  typesFailed: 'The types could not be listed',
  startFailed: 'The export could not begin',
  failed: 'The export failed',
  working: 'Exporting',
  phases: {
    loading_model: 'Loading the model',
    exporting: 'Writing',
    verifying: 'Checking',
    preparing: 'Preparing',
    scoring: 'Checking',
    comparing: 'Comparing answers',
  } as Record<string, string>,
  done: 'Exported',
  doneText: (type: string, size: string, time: string) => `${type}, ${size}, in ${time}`,
  result: 'The check',
  model: 'Model',
  loss: 'Loss',
  perplexity: 'Perplexity',
  divergence: 'Distance from tuned',
  divergenceHelp: 'How differently it chooses its words from the tuned model (KL divergence). 0 means no difference.',
  baseRow: 'Base',
  tunedRow: 'Tuned (base + adapter)',
  exportRow: 'Exported',
  verdicts: { kept: 'Kept', degraded: 'Degraded', lost: 'Lost' } satisfies Record<Verdict, string> as Record<
    Verdict,
    string
  >,
  advice: {
    kept: 'The exported model does what the tuned one does.',
    degraded: 'Some of what was learned was lost. Choose a larger type, such as Q8_0, if that matters to you.',
    lost: 'Most of what was learned was lost. Choose a larger type, such as Q8_0 or F16, or export the adapter alone.',
  } satisfies Record<Verdict, string> as Record<Verdict, string>,
  recovered: (share: string) => `${share} of the improvement was kept.`,
  rows: (rows: string, held_out: boolean) =>
    held_out ? `Measured on ${rows} rows kept from training.` : `Measured on ${rows} rows of the training data.`,
  notChecked: 'It was not checked: nothing is known of what was kept of the training.',
  earlier: 'Earlier exports of this run',
  none: 'No exports yet',
  noneText: 'What you export from this run will be listed here.',
  file: 'File',
  when: 'When',
  verdict: 'Check',
  gone: 'no longer there',
  actions: 'Actions',
  list: 'List of exports',
};
