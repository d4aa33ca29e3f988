import type { ErrorTexts } from '../error-codes.ts';

const RESUME = 'Press Resume: the run goes on from its last checkpoint.';

/** Only what the core says with the commands of a terminal: all other messages of it are English already. */
export const errors: ErrorTexts = {
  trainer_killed: {
    message: (detail) =>
      `The trainer was ended by the system${detail('signal') === '' ? '' : ` (${detail('signal')})`}.`,
    hint: `Systems do that to the largest program when memory runs out. ${RESUME} If it happens again, lower the longest row or the rows at a time.`,
  },
  trainer_crashed: {
    message: 'The trainer ended unexpectedly.',
    hint: `${RESUME} If it happens again, copy the report in Settings and the run’s log for a bug report.`,
  },
  run_in_use: {
    message: 'Another process works on this run.',
    hint: 'Wait until it has ended, or stop it.',
  },
  evaluation_invalid: {
    message: (detail) => `The evaluation can't be made (${detail('setting')}): ${detail('reason')}`,
    hint: 'Correct what is named and evaluate again.',
  },
  evaluation_rows_unfit: {
    message: (detail) => `No row of ${detail('path')} can be evaluated this way: ${detail('reason')}`,
    hint: 'Choose rows that were not trained on. Multiple choice needs a question, options (a list, or columns A to D) and an answer.',
  },
  run_completed: { message: 'This run is completed.', hint: 'Export its model, or start a new fine-tune.' },
  model_changed: {
    message: (detail) => `${detail('path')} is not the file that this run began with.`,
    hint: 'Put the original file back, or start a new fine-tune.',
  },
  file_not_found: {
    message: (detail) => `This file is no longer there: ${detail('path')}`,
    hint: 'Put it back, or choose another file.',
  },
  disk_full: {
    message: 'The disk is full.',
    hint: 'Free some space and try again; a run that had begun can be resumed from its last checkpoint.',
  },
};
