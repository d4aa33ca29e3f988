import { expect, test } from 'vitest';
import { ForjaError, toReport, TrainerError } from './errors.ts';

test('an error of ours carries its code, its exit and its variable parts', () => {
  const error = new ForjaError('run_in_use', 'Busy.', 'Wait.', { path: '/x' });
  expect(toReport(error)).toEqual({
    code: 'run_in_use',
    message: 'Busy.',
    hint: 'Wait.',
    details: { path: '/x' },
    exit_code: 2,
  });
});

test("the trainer's errors pass through", () => {
  const report = { code: 'gguf_truncated', message: 'Cut.', hint: 'Fetch it again.', details: {} };
  expect(toReport(new TrainerError(report, 2))).toEqual({ ...report, exit_code: 2 });
});

test('errors of other layers are known by their shape', () => {
  const error = Object.assign(new Error('Empty.'), { code: 'dataset_empty', hint: 'Add rows.', details: { rows: 0 } });
  expect(toReport(error)).toMatchObject({ code: 'dataset_empty', details: { rows: 0 }, exit_code: 2 });
  expect(toReport(Object.assign(error, { code: 'chat_crashed' }))).toMatchObject({ exit_code: 1 });
});

test('a full disk and a fault of our own', () => {
  const full = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', path: '/data' });
  expect(toReport(full)).toMatchObject({ code: 'disk_full', details: { path: '/data' }, exit_code: 1 });
  expect(toReport('what?')).toMatchObject({ code: 'internal', message: 'what?', exit_code: 1 });
});
