import { createFormat } from '../format.ts';

const format = createFormat('en');

export const start = {
  title: 'Start',
  welcome: 'Welcome to Forja',
  subtitle: 'Teach a language model something of yours, on this computer.',
  newRun: 'New fine-tune',
  newRunText: 'Pick a GGUF model and a dataset, check what it will take, and train.',
  trySample: 'Try the sample',
  sampleText: (size_bytes: number) =>
    `A small model learns to turn bakery orders into tidy records. A few minutes, ${format.bytes(size_bytes)} to fetch once.`,
  sampleTextFetched: 'A small model learns to turn bakery orders into tidy records. It takes a few minutes.',
  sampleBusy: 'Fetching the sample model…',
  sampleFailed: 'The sample could not be fetched',
  sampleRunName: 'Bakery orders (sample)',
  recent: 'Recent runs',
  noRuns: 'No runs yet',
  noRunsText: 'Your fine-tunes will be listed here. The sample shows the whole way in a few minutes.',
  privacyTitle: 'Nothing leaves this machine',
  privacyText:
    'Your models, your data and what you train stay on this computer. Forja needs no account, sends nothing, and goes online only when you ask it to fetch the sample model.',
  privacyButton: 'Understood',
  interruptedTitle: (count: number) =>
    format.plural(count, { one: 'A run was interrupted', other: '# runs were interrupted' }),
  interruptedText: 'Forja or the machine went down while it was training. It can go on from its last checkpoint.',
  resume: 'Go on',
  resumed: (name: string) => `“${name}” goes on from its last checkpoint`,
  lossShort: (loss: string) => `loss ${loss}`,
  ago: (ms: number) => format.ago(ms),
};
