import { expect, test } from 'vitest';
import { modelfile, modelfilePath, takeApart, type TurnRenderer } from './modelfile.ts';

type Messages = Parameters<TurnRenderer['renderPrompt']>[0];

/** Turns between markers, with a system text of its own where none is given. */
const chatml: TurnRenderer = {
  renderPrompt: (messages) => [[`${turns(withDefault(messages))}<|im_start|>assistant\n`, 0]],
  renderRow: ({ messages }) => {
    const text = turns(withDefault(messages));
    return [[text, 1]];
  },
};
const withDefault = (messages: Messages): Messages =>
  messages[0]?.role === 'system' ? messages : [{ role: 'system', content: 'Be helpful.' }, ...messages];
const turns = (messages: Messages) =>
  messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join('');

test('a template with turns between markers, and its own system text', () => {
  const parts = takeApart(chatml, '<|im_start|>');
  expect(parts).toEqual({
    before_system: '<|im_start|>system\n',
    after_system: '<|im_end|>\n',
    before_user: '<|im_start|>user\n',
    after_user: '<|im_end|>\n<|im_start|>assistant\n',
    after_answer: '<|im_end|>\n',
    default_system: 'Be helpful.',
  });
  expect(modelfile('/out/my model.gguf', parts)).toBe(
    [
      '# ollama create my model -f my model.Modelfile',
      'FROM ./my model.gguf',
      'TEMPLATE """{{ if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ end }}{{ if .Prompt }}<|im_start|>user\n{{ .Prompt }}<|im_end|>\n<|im_start|>assistant\n{{ end }}{{ .Response }}<|im_end|>\n"""',
      'PARAMETER stop "<|im_end|>"',
      'SYSTEM """Be helpful."""',
      '',
    ].join('\n'),
  );
});

test('a template that refuses leaves it to the model file', () => {
  const refuses: TurnRenderer = {
    renderPrompt: () => {
      throw new Error('no');
    },
    renderRow: () => [],
  };
  expect(takeApart(refuses, null)).toBeNull();
  expect(modelfile('/out/m.gguf', null)).not.toContain('TEMPLATE');
});

test('the system prompt of the rows comes with it, in place of the template’s own', () => {
  const parts = takeApart(chatml, null);
  expect(modelfile('/out/m.gguf', parts, 'Write the order as JSON.')).toContain(
    'SYSTEM """Write the order as JSON."""\n',
  );
  expect(modelfile('/out/m.gguf', parts, 'Write the order as JSON.')).not.toContain('Be helpful.');
  expect(modelfile('/out/m.gguf', null, 'Write the order as JSON.')).toContain('SYSTEM');
  expect(modelfile('/out/m.gguf', parts, 'Quote with """.')).not.toMatch(/^SYSTEM/m);
});

test('it lies beside the model', () => expect(modelfilePath('/out/m.GGUF')).toMatch(/^.out.m\.Modelfile$/));
