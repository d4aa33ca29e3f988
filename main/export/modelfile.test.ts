import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openTemplate } from '../datasets/index.ts';
import { chatml } from '../datasets/templates/example-templates.ts';
import { modelfile, modelfilePath } from './modelfile.ts';
import { ollamaTemplate, type OllamaTemplate } from './ollama/index.ts';
import { digest, ollamaCases, RESULTS, type OllamaResults } from './testing/ollama-cases.ts';

const results = JSON.parse(readFileSync(RESULTS, 'utf8')) as OllamaResults;
const cases = [...ollamaCases()];

describe('what Ollama’s own template package made of the Modelfiles is the prompt of training', () => {
  test('for every template at hand', () => {
    expect(Object.keys(results.cases).sort(), 'npm run check:ollama -- --write').toEqual(cases.map(({ name }) => name).sort()); // prettier-ignore
  });

  test.each(cases)('$name', ({ name, modelfile: text, prompts }) => {
    const known = results.cases[name]!;
    if (known === 'no template' || prompts === null) {
      expect(known).toBe('no template');
      expect(prompts).toBeNull();
      expect(text).toMatch(/^# No TEMPLATE\. .+\n# .*--jinja/m);
      expect(text).not.toMatch(/^TEMPLATE/m);
      return;
    }
    expect(digest(text), 'the results are old: npm run check:ollama -- --write').toBe(known.modelfile);
    // What a template refuses was never trained.
    const trained = prompts.map(({ trained }, index) => (trained === null ? known.prompts[index]! : digest(trained)));
    expect(known.prompts).toEqual(trained);
    expect(prompts.filter(({ trained }) => trained !== null).length).toBeGreaterThanOrEqual(2);
  });
});

const prompt = ollamaTemplate({ open: () => openTemplate(chatml), bos_token: '<|im_start|>', adds_bos: false });
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

test('a template that names the place of a turn, or repeats it, is none of Ollama’s', () => {
  const counted = {
    ...chatml,
    chat_template:
      "{% for m in messages %}{{ '<' ~ loop.index ~ m.role ~ '>' ~ m.content ~ '<|im_end|>' }}{% endfor %}" +
      "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}",
  };
  const open = (chat_template: string) => () => openTemplate({ ...chatml, chat_template }, 'model');
  const of = (chat_template: string) => ollamaTemplate({ open: open(chat_template), bos_token: null, adds_bos: false });
  expect(of(counted.chat_template)).toEqual({ turns: null, reason: 'turns_vary', shape: null });
  const twice = counted.chat_template.replace('loop.index', "''").replace('m.content', 'm.content ~ m.content');
  expect(of(twice)).toEqual({ turns: null, reason: 'turns_vary', shape: null });
  const upper = counted.chat_template.replace('loop.index', "''").replace('m.content', "m.content | replace('?', '!')");
  expect(of(upper)).toEqual({ turns: null, reason: 'shape_differs', shape: 'two turns' });
});

test('it lies beside the model', () => expect(modelfilePath('/out/m.GGUF')).toMatch(/^.out.m\.Modelfile$/));
