import { expect, test } from 'vitest';
import { explainEnding } from './ending.ts';

const none = { code: null, signal: null, error: null, log: '' };

test("the trainer's own error comes first, with the exit code it gave", () => {
  const error = { code: 'gguf_truncated', message: 'Cut.', hint: 'Fetch it again.', details: { path: 'm.gguf' } };
  expect(explainEnding({ ...none, code: 2, error })).toMatchObject({ ...error, exitCode: 2 });
  expect(explainEnding({ ...none, code: 1, error })).toMatchObject({ exitCode: 1 });
});

test('a kill is told with its signal and the way to go on', () => {
  const error = explainEnding({ ...none, signal: 'SIGKILL' });
  expect(error).toMatchObject({ code: 'trainer_killed', exitCode: 1, details: { signal: 'SIGKILL' } });
  expect((error as { hint?: string }).hint).toMatch(/memory.*forja resume/s);
});

test('a crash is told with the last line of its log', () => {
  const crash = explainEnding({ ...none, signal: 'SIGABRT', log: 'loading\nGGML_ASSERT(x) failed\n' });
  expect(crash).toMatchObject({
    code: 'trainer_crashed',
    message: 'The trainer crashed (SIGABRT): GGML_ASSERT(x) failed.',
  });
  const notices =
    'The CUDA backend is not used here; other devices are not affected. Reason: libcudart.so.13\nload_backend: loaded CPU backend\n';
  expect(explainEnding({ ...none, signal: 'SIGSEGV', log: notices }).message).toBe('The trainer crashed (SIGSEGV).');
  expect(explainEnding({ ...none, code: 0 })).toMatchObject({ code: 'trainer_crashed' });
});
