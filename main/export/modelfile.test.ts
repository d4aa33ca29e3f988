import { expect, test } from 'vitest';
import { modelfile, modelfilePath } from './modelfile.ts';
import { ollamaTemplate, type Message, type OllamaTemplate } from './ollama/index.ts';

/** Turns between markers; scripts/ollama has the templates of real models. */
const turns = (messages: Message[]) =>
  messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join('');
const open = () => ({
  renderPrompt: (messages: Message[]): [string, 0][] => [[`${turns(messages)}<|im_start|>assistant\n`, 0]],
  renderRow: ({ messages }: { messages: Message[] }): [string, 1][] => [[turns(messages), 1]],
});
const prompt = ollamaTemplate({ open, bos_token: null, adds_bos: false });
const merged = { output_path: '/out/my model.gguf', base_path: null, prompt, system_prompt: null, isWindows: false };

test('the command in it can be pasted, and its name is one that Ollama takes', () => {
  const [command, from] = modelfile(merged).split('\n');
  expect(command).toBe("# In this folder: ollama create my-model -f 'my model.Modelfile'");
  expect(from).toBe('FROM ./my model.gguf');
  const adapter = modelfile({ ...merged, output_path: '/out/a.gguf', base_path: '/models/base.gguf' });
  expect(adapter).toContain('\nFROM /models/base.gguf\nADAPTER ./a.gguf\n');
});

test('the system prompt of the rows is told; what a Modelfile can’t hold stands in the template', () => {
  expect(modelfile({ ...merged, system_prompt: 'Write JSON.' })).toMatch(/\nSYSTEM """Write JSON\."""\n$/);
  const awkward = modelfile({ ...merged, system_prompt: 'Quote with """.' });
  expect(awkward).not.toMatch(/^SYSTEM/m);
  expect(awkward).toContain('{{ "Quote with \\"\\"\\"." }}');
  expect(modelfile(merged)).toContain('PARAMETER stop """<|im_end|>"""');
});

test('without a template it says why, what that means, and what is left to set by hand', () => {
  const none: OllamaTemplate = { turns: null, reason: 'shape_differs', shape: 'blanks at both ends' };
  const text = modelfile({ ...merged, prompt: none, system_prompt: 'Quote with """.' });
  expect(text).toContain('# No TEMPLATE. The prompt that this model was trained with');
  expect(text).toContain('a conversation with blanks at both ends would come out differently');
  expect(text).toContain('set it by hand');
});

test('it lies beside the model', () => expect(modelfilePath('/out/m.GGUF')).toMatch(/^.out.m\.Modelfile$/));
