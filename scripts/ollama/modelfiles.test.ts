import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openTemplate } from '../../main/datasets/index.ts';
import { chatml } from '../../main/datasets/templates/example-templates.ts';
import { ollamaTemplate } from '../../main/export/index.ts';
import { digest, ollamaCases, RESULTS, type OllamaResults } from './cases.ts';

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
