import type { RunPhase, RunSummary } from '../../../../main/contracts/ipc.ts';

/** Words about runs that several screens use. */
export const runWords = {
  status: {
    queued: 'Queued',
    preparing: 'Preparing',
    training: 'Training',
    stopped: 'Stopped',
    completed: 'Done',
    failed: 'Failed',
  } satisfies Record<RunSummary['status'], string> as Record<RunSummary['status'], string>,
  interrupted: 'Interrupted',
  paused: 'Paused',
  phase: {
    reading_model: 'Reading the model',
    hashing_model: 'Fingerprinting the model',
    reading_dataset: 'Reading the dataset',
    loading_model: 'Loading the model',
    preparing: 'Preparing',
    training: 'Training',
    validating: 'Validating',
    sampling: 'Answering prompts',
    paused: 'Paused',
    stopping: 'Stopping',
  } satisfies Record<RunPhase, string> as Record<RunPhase, string>,
  stepsOf: (steps: string, total: string) => `step ${steps} of ${total}`,
  loss: 'Loss',
  trainLoss: 'Training loss',
  valLoss: 'Validation loss',
  notStarted: 'not started yet',
  /** Its trainer outlived the app and still writes. */
  awaitsTrainer: 'Waiting for its last checkpoint…',
};
