import { expect, test } from 'vitest';
import { openTemplate, type Segment } from '../datasets/index.ts';
import { chatml } from '../datasets/templates/example-templates.ts';
import { ollamaTemplate } from '../export/index.ts';
import { compareAnswers, isSamePrompt, trainedPrompt, usersPrompt, type CheckChat } from './answers-check.ts';

const template = openTemplate(chatml);
const example = { system: 'Be brief.', prompt: 'When?', answer: 'At seven.' };
const textOf = (prompt: readonly Segment[]) => prompt.map(([text]) => text).join('');

test('a program that takes the template in the file asks as was trained, under the same system prompt only', () => {
  const trained = trainedPrompt(template, example);
  const user = { model: chatml, turns: null, system_prompt: 'Be brief.' };
  expect(isSamePrompt(trained, usersPrompt(user, 'When?'), chatml.bos_token)).toBe(true);
  expect(isSamePrompt(trained, usersPrompt({ ...user, system_prompt: null }, 'When?'), null)).toBe(false);
});

test('Ollama asks as was trained by the parts in its Modelfile, whatever template is in the file', () => {
  const alpaca = openTemplate(chatml, 'alpaca');
  for (const trainedBy of [template, alpaca]) {
    const { turns } = ollamaTemplate({ open: () => trainedBy, bos_token: chatml.bos_token, adds_bos: false });
    for (const system of ['', 'Be brief.']) {
      const sent = usersPrompt({ model: chatml, turns, system_prompt: system === '' ? null : system }, 'When?');
      expect(textOf(sent)).toBe(textOf(trainedPrompt(trainedBy, { ...example, system })));
    }
  }
  // Another program takes the file's own template, which this run did not train with.
  const sent = usersPrompt({ model: chatml, turns: null, system_prompt: null }, 'When?');
  expect(isSamePrompt(trainedPrompt(alpaca, { ...example, system: '' }), sent, null)).toBe(false);
});

test('a file without a template is asked in ChatML, as llama.cpp does', () => {
  const none = { ...chatml, chat_template: null };
  const sent = usersPrompt({ model: none, turns: null, system_prompt: 'Be brief.' }, 'When?');
  expect(textOf(sent)).toBe(
    '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhen?<|im_end|>\n<|im_start|>assistant\n',
  );
  // What a person writes is never a control token.
  expect(sent.filter(([, , literal]) => literal === 1).map(([text]) => text)).toEqual(['Be brief.', 'When?']);
});

/** The chat process is tested in main/chat; here the export answers some prompts differently. */
function chat(answer: (voice: string, prompt: string) => string): CheckChat & { closed: boolean } {
  return {
    closed: false,
    load: () => Promise.resolve({ context_tokens: 1, load_ms: 1 }),
    generate(voice, prompt) {
      if (this.closed) return Promise.reject(new Error('closed'));
      const text = answer(voice, textOf(prompt));
      return Promise.resolve({ text, prompt_tokens: 1, tokens: 1, stop_reason: 'end', duration_ms: 1 });
    },
    close() {
      this.closed = true;
    },
  };
}

const options = (openChat: () => CheckChat, signal = new AbortController().signal) => ({
  examples: Array.from({ length: 20 }, (_, at) => ({ ...example, prompt: `Q${at}?` })),
  template,
  user: { model: chatml, turns: null, system_prompt: 'Be brief.' },
  tuned: { model_path: '/m.gguf', adapter_path: '/a.gguf' },
  exported: { model_path: '/out.gguf' },
  signal,
  onProgress: () => undefined,
  openChat,
});

test('twelve answers are compared, and those that differ are told', async () => {
  const one = chat((voice, prompt) => (voice === 'exported' && prompt.includes('Q3?') ? 'no' : ' yes'));
  expect(await compareAnswers(options(() => one))).toEqual({
    compared: 12,
    same: 11,
    prompt_is_same: true,
    differing: [{ prompt: 'Q3?', tuned: 'yes', exported: 'no' }],
  });
  expect(one.closed).toBe(true);
});

test('it ends when it is told to', async () => {
  const abort = new AbortController();
  const one = chat((_, prompt) => {
    if (prompt.includes('Q2?')) abort.abort();
    return 'yes';
  });
  await expect(compareAnswers(options(() => one, abort.signal))).rejects.toThrow('closed');
});
