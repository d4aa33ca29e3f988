import { refusals } from './refusals.ts';
import type { FIELD_QUESTIONS } from '../../../../main/contracts/refusals.ts';
import type { COLUMN_PARTS, PRESET_GROUPS, ROW_FORMATS, TEMPLATES } from '../../../../main/contracts/ipc.ts';
import { createFormat } from '../format.ts';

const format = createFormat('en');
type Named<Keys extends readonly string[]> = Record<Keys[number], string>;

const formats: Named<typeof ROW_FORMATS> = {
  alpaca: 'Instructions (Alpaca)',
  messages: 'Messages (OpenAI)',
  sharegpt: 'Conversations (ShareGPT)',
  prompt_completion: 'Prompt + completion',
  text: 'Plain text',
};
const columnParts: Named<typeof COLUMN_PARTS> = {
  instruction: 'Instruction',
  input: 'Input',
  output: 'Answer',
  system: 'System prompt',
  prompt: 'Prompt',
  completion: 'Completion',
  messages: 'Messages',
  conversations: 'Conversations',
  text: 'Text',
};
const templates: Named<typeof TEMPLATES> = {
  model: 'The model’s own',
  alpaca: 'Alpaca',
  'alpaca-short': 'Alpaca, short',
  plain: 'None: prompt + answer',
};
const fieldQuestions: Named<typeof FIELD_QUESTIONS> = {
  reasoning: 'the thoughts before an answer',
  tools: 'tools that the assistant may call',
  context: 'what the question is about',
  history: 'earlier turns',
  rating: 'a rating of the answer',
  preference: 'one answer of a pair',
  weight: 'how much is to be learned',
  system: 'a system prompt',
  media: 'an image or another file',
  split: 'a part of the data',
  long_text: 'text that the answer depends on',
};
const presetGroups: Named<typeof PRESET_GROUPS> = {
  rank: 'Capacity',
  learning_rate: 'Learning speed',
  effort: 'Length',
};
const presetHelp: Named<typeof PRESET_GROUPS> = {
  rank: 'How much it can take in. More needs more memory, and more rows to fill it.',
  learning_rate: 'How far each step goes. Faster learns sooner, but forgets more of what the model knew.',
  effort: 'How long it trains. A quick try is over after 60 steps, whatever the dataset.',
};

export const newRun = {
  title: 'New fine-tune',
  name: 'Name',
  namePlaceholder: 'My fine-tune',
  /** A name made of what was chosen. */
  suggestedName: (dataset: string, model: string) => `${dataset} on ${model}`,
  otherFile: (name: string) => `${name} is neither a model nor a dataset`,
  otherFileText: 'Drop a .gguf model, or a .jsonl, .json, .csv or .txt dataset.',

  model: {
    title: 'Base model',
    drop: 'Drop a GGUF model here',
    dropText: 'One .gguf file; of a split model, any part.',
    choose: 'Choose a file…',
    recent: 'Recent models',
    missing: 'not there any more',
    whereTitle: 'Where do I get one?',
    whereText:
      'Hugging Face has thousands of GGUF files, and chat apps such as LM Studio keep theirs in a folder of models. Llama, Qwen, Gemma and Phi can be trained. Begin with a small one, up to 1B parameters.',
    reading: 'Reading the model…',
    trainable: 'Can be trained',
    notTrainable: 'Cannot be trained',
    architecture: 'Architecture',
    parameters: 'Parameters',
    quantisation: 'Quantisation',
    context: 'Context',
    layers: 'Layers',
    template: 'Chat template',
    ownTemplate: 'its own',
    licence: 'Licence',
    size: 'File size',
    sizeInParts: (size: string, parts: number) => `${size} in ${format.integer(parts)} parts`,
    tokens: (count: number) => `${format.integer(count)} tokens`,
    hints: {
      parameters: 'How many numbers the model is made of. Larger ones know more, and take longer to train.',
      quantisation:
        'How coarsely these numbers are stored: about 4 bits each in Q4, 16 in F16. Fewer bits make a smaller file that is a little less exact.',
      context: 'How much text it can have in view at once. A token is about three quarters of a word.',
      template:
        'How the model marks who says what. Forja writes your rows in it, so that it learns them as it will later be asked.',
    },
  },

  dataset: {
    title: 'Dataset',
    drop: 'Drop a dataset here',
    dropText: 'A .jsonl, .json, .csv or .txt file.',
    choose: 'Choose a file…',
    needsModel: 'Choose a base model too: rows are counted in its tokens and shown in its template.',
    exampleTitle: 'What should be in it?',
    exampleText:
      'One example a line: what is asked, and the answer that you want. A hundred good ones are a start, a few hundred are better.',
    exampleRow: '{"prompt": "When do you open?",\n "completion": "At seven, every day but Monday."}',
    exampleNote: 'Columns may have other names, and conversations of several turns work too.',
    reading: 'Reading the dataset…',
    format: 'Format',
    formatAuto: 'found by itself',
    formatFound: (name: string) => `Found: ${name}`,
    template: 'Template',
    templateHint:
      'How question and answer are marked for the model. Its own is nearly always right; Alpaca is for models without one.',
    templateAuto: 'automatic',
    templateFound: (name: string) => `Automatic: ${name}`,
    columns: 'Columns',
    columnAuto: 'Automatic',
    columnFound: (name: string) => `Automatic: ${name}`,
    columnNone: 'None',
    formats,
    columnParts,
    templates,
    validation: 'Validation',
    validationHelp: 'Rows that are not trained on, to see whether what is learned holds for new ones.',
    validationShare: 'Split off',
    validationFile: 'Own file',
    chooseValidation: 'Choose a validation file…',
    dropValidation: 'Drop a validation file here',
    shareOf: (share: number) => format.percent(share),
    noValidation: 'Without validation rows, learning by heart goes unnoticed.',

    tabs: 'What was read',
    rowsTab: 'Rows',
    lengthsTab: 'Lengths',
    auditTab: 'Audit',

    previewLegend: 'As the model sees them',
    trained: 'learned',
    context: 'given',
    cut: 'cut off',
    line: (line: number) => `Line ${format.integer(line)}`,
    tokenCount: (count: number) => format.plural(count, { one: '# token', other: '# tokens' }),
    windowCount: (count: number) => format.plural(count, { one: '# row', other: 'in # rows' }),
    refused: 'Refused',
    more: 'Show more rows',
    noRows: 'There are no rows to show.',

    lengthsTitle: 'Length of the rows in tokens',
    lengthsSummary: (median: number, p95: number, max: number, limit: number) =>
      `Half of the rows have up to ${format.integer(median)} tokens, 95 in 100 up to ${format.integer(p95)}, the longest has ${format.integer(max)}. The limit is ${format.integer(limit)}.`,
    bar: (from: number, to: number, count: number) =>
      `${format.integer(from)} to ${format.integer(to)} tokens: ${format.plural(count, { one: '# row', other: '# rows' })}`,
    median: 'Median',
    p95: '95 in 100 up to',
    longest: 'Longest',
    truncated: (count: number) => format.plural(count, { one: '# row loses its end', other: '# rows lose their end' }),
    noneTruncated: 'Every row fits.',
    raiseTo: (value: number) => `Raise the longest row to ${format.integer(value)}`,

    rowsRead: 'Rows read',
    rowsUsed: 'Rows used',
    rowsRefused: 'Rows refused',
    rowsTrain: 'To train on',
    rowsVal: 'To validate on',
    duplicates: 'Repeated rows',
    emptyRows: 'Nothing to learn within the limit',
    tokensTotal: 'Tokens',
    tokensLost: 'Lost beyond the limit',
    windowedRows: 'Pieces of text cut into several rows',
    tokensTrained: 'Of them trained',
    refusedTitle: 'Refused rows',
    refusedShown: (shown: number, all: number) => `${format.integer(shown)} of ${format.integer(all)}`,
    allGood: 'No row was refused.',
    rowsIn: 'Rows found in',
    /** Where in a JSON file the rows are. */
    shapes: {
      list: 'a list',
      objects: 'objects one after another',
      entries: 'an object whose values are the rows',
      columns: 'columns of values',
    } as Record<string, string>,
    shapeNamed: (list: string) => `the list “${list}”`,
    shapeRest: (names: string) => `not read: ${names}`,
    unusedTitle: 'Columns and fields that are not used',
    unusedColumn: 'Name',
    unusedRows: 'In rows',
    unusedQuestion: 'May be',
    unusedNothing: 'does not look like it matters',
    /** What a column or field that is not used may be, by its name. */
    fieldQuestions,
    lineColumn: 'Line',
    reasonColumn: 'Reason',
    /** By code; the row's own particulars follow. English has them in the message itself. */
    refusals,
  },

  settings: {
    title: 'Method and settings',
    presets: 'Presets',
    presetGroups,
    presetHelp,
    custom: 'your own',
    intro:
      'Forja trains a small add-on, called an adapter (LoRA), and leaves the model itself as it is. These three choices are enough; the settings below follow from them.',
    presetNames: {
      rank_tiny: 'Tiny',
      rank_small: 'Small',
      rank_medium: 'Medium',
      rank_large: 'Large',
      rate_conservative: 'Conservative',
      rate_standard: 'Standard',
      rate_aggressive: 'Aggressive',
      effort_quick: 'Quick try',
      effort_balanced: 'Balanced',
      effort_thorough: 'Thorough',
    } as Partial<Record<string, string>>,
    advanced: 'Advanced settings',
    changed: (count: number) => format.plural(count, { one: '# changed', other: '# changed' }),
    reset: 'Back to defaults',
    chooseAdapter: 'Choose an adapter…',
    noAdapter: 'None',
    samples: 'Samples while it trains',
    samplesHelp:
      'The model answers each of these at every validation, and the answers stand on the run’s page. The first come from your dataset; change them, add up to eight, or remove all for none.',
    samplePrompt: (number: number) => `Prompt ${format.integer(number)}`,
    addPrompt: 'Add a prompt',
    removePrompt: (number: number) => `Remove prompt ${format.integer(number)}`,
    useSuggested: (value: string) => `Use ${value}`,
    deviceAuto: 'Automatic',
  },

  estimate: {
    title: 'Estimate',
    empty: 'Choose a base model to see what the training will take.',
    working: 'Estimating…',
    memory: 'Memory',
    ofDevice: (used: string, all: string, device: string) => `${used} of ${all} on ${device}`,
    onDevice: (used: string, device: string) => `${used} on ${device}`,
    weights: 'Base weights',
    adapter: 'Adapter and optimiser',
    activations: 'Activations',
    other: 'Other',
    fits: 'Fits',
    tooBig: 'Does not fit',
    trainable: 'Trainable',
    ofParameters: (share: string) => `${share} of the model`,
    time: 'Time',
    about: (duration: string) => `about ${duration}`,
    steps: (steps: number, rate: string) => `${format.plural(steps, { one: '# step', other: '# steps' })}, ${rate}`,
    /** How much of the dataset a run sees that ends before it has seen all. */
    seenRows: (seen: number, all: number) =>
      `sees ${format.integer(seen)} of ${format.integer(all)} rows, chosen at random`,
    scoredRows: (scored: number, all: number) =>
      `validates on ${format.integer(scored)} of ${format.integer(all)} held-out rows`,
    measured: 'as measured in an earlier run',
    estimated: 'not measured yet',
    timeNeedsData: 'needs a dataset',
    methods: 'Ways to train this model',
    methodsHelp:
      'LoRA trains a small add-on beside the model, called an adapter. QLoRA is the same on a model that is stored in fewer bits, so it takes less memory; your file decides which of the two it is. Full training would change the model itself: it takes far more, and Forja does not offer it.',
    trainableHelp:
      'Numbers that the training changes: those of the adapter. All the others stay as they are in your file.',
    method: 'Method',
    methodNames: { full: 'Full', lora: 'LoRA', qlora: 'QLoRA' },
    methodHelp: {
      full: 'All weights are trained; Forja does not offer it.',
      lora: 'An adapter on a base in 16 or 32 bits.',
      qlora: 'An adapter on a quantised base.',
    },
    chosen: 'chosen',
    adviceTitle: 'To make it fit',
    advice: (setting: string, from: string, to: string, memory: string) =>
      `${setting} from ${from} to ${to}: ${memory}`,
    apply: 'Apply',
    applyLabel: (setting: string, to: string) => `Apply: ${setting} ${to}`,
    stillTooBig: 'not enough alone',
    start: 'Start training',
    queue: 'Add to the queue',
    needsModel: 'Choose a base model.',
    needsTrainable: 'This model cannot be trained: choose another.',
    needsData: 'Choose a dataset.',
    needsReading: 'The dataset is being read…',
    needsRows: 'The dataset has no rows to train on.',
    needsSettings: 'A setting is out of its range.',
    started: (name: string) => `“${name}” was started`,
    queued: (name: string) => `“${name}” waits in the queue`,
    failed: 'The run could not be started',
  },
};
