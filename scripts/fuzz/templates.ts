/** Chat templates, which are programs that come with a model file: opened and rendered as a dataset's rows are. */
import { openTemplate } from '../../main/datasets/index.ts';
import * as examples from '../../main/datasets/templates/example-templates.ts';
import type { Conversation, ModelText } from '../../main/datasets/types.ts';
import { DatasetError, RowError } from '../../main/datasets/errors.ts';
import { Dice, Finding, mutateText, type Campaign } from './dice.ts';

/** Pieces that templates are made of, and what an attacker would try. */
const WORDS = [
  '{{ ',
  ' }}',
  '{% ',
  ' %}',
  '{%- ',
  ' -%}',
  '{# ',
  ' #}',
  'for m in messages',
  'endfor',
  'if true',
  'elif',
  'else',
  'endif',
  'set x = ',
  'set ns = namespace(a=[])',
  'set ns.a = ns.a + [ns.a, ns.a]',
  'macro f(n)',
  'endmacro',
  'f(n)',
  'call f(1)',
  'endcall',
  'filter upper',
  'endfilter',
  'break',
  'continue',
  'generation',
  'endgeneration',
  'range(1000000000)',
  'range(0, 10, 0)',
  'range(-5)',
  "'x' * 1000000000",
  'x ~ x',
  'x + x',
  '[x, x]',
  '{"a": x}',
  '2 ** 4096',
  '1 / 0',
  '-1 % 0',
  "|join('')",
  "|replace('', 'xxxxxxxx')",
  '|tojson',
  '|tojson(indent=1000000000)',
  '|indent(1000000000)',
  '|sort',
  '|unique',
  '|list',
  '|length',
  "|map('upper')",
  "|selectattr('role')",
  '|batch(0)',
  '|items',
  '|string',
  '|int',
  '|default(x)',
  "['__proto__']",
  '.constructor',
  '.__proto__',
  "['constructor']['constructor']('return process')()",
  '.constructor.constructor',
  'process',
  'require("fs")',
  'globalThis',
  'self',
  'this',
  'cycler',
  '{{ range(1000000000) | length }}',
  '{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}',
  '{% set x = messages | tojson %}{{ x ~ x }}',
  '{% set ns = namespace(x="a", l=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l | tojson }}',
  '{{ messages | tojson(indent=900000) }}',
  '{{ "a" | indent(90000000, true) }}',
  '{% macro f(n) %}{{ n }}{% endmacro %}{{ f(f) }}{{ f(messages) }}',
  '{{ messages }}',
  '{{ messages.constructor }}',
  '{% if messages is mapping %}x{% endif %}',
  'raise_exception("no")',
  'raise_exception.constructor("return process")()',
  'range.constructor',
  'strftime_now("%s%s%n")',
  'messages[0].content.__class__.__mro__',
  'messages[::0]',
  'messages[-1:0:-1]',
  "messages[0]['content']",
  'loop.previtem',
  'loop.index0',
  'add_generation_prompt',
  'bos_token',
  'eos_token',
  'not',
  'and',
  'or',
  'in',
  'is',
  'is defined',
  'is string',
  'none',
  '\uE000\uE001',
  '\uE002',
  '\uE003',
  '\uE004',
  '\u0000',
  '\ud800',
  '\r\n',
  '\\',
  '"',
  "'",
] as const;

const CONVERSATIONS: Conversation[] = [
  {
    kind: 'chat',
    messages: [
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hi <|im_end|> there' },
    ],
  },
  {
    kind: 'chat',
    messages: [
      { role: 'system', content: '' },
      { role: 'user', content: ' ñandú 模型 ' },
      { role: 'assistant', content: '<think>a</think>b' },
      { role: 'user', content: '{{ x }}{% raw %}' },
      { role: 'assistant', content: '\n' },
    ],
  },
];

function model(seed: number, index: number): ModelText {
  const dice = new Dice(seed, index);
  const base = dice.of(Object.values(examples));
  let source = base.chat_template ?? '';
  for (let left = 1 + dice.below(3); left > 0; left--) source = mutateText(source, WORDS, dice);
  return { ...base, chat_template: source };
}

/** Opens a template and renders with it; refusals have codes. @throws Finding */
export function tryTemplate(text: ModelText): string {
  try {
    const template = openTemplate(text, 'model');
    for (const conversation of CONVERSATIONS) {
      try {
        const segments = [...template.renderRow(conversation), ...template.renderRowPrompt(conversation)];
        if (segments.some(([part]) => /\[native code\]|\[object (process|global)\]/.test(part)))
          throw new Finding('the rendering shows something of JavaScript');
      } catch (error) {
        if (!(error instanceof RowError)) throw error;
      }
    }
    return 'accepted';
  } catch (error) {
    if (error instanceof DatasetError && error.message !== '' && error.hint !== '') return error.code;
    throw error instanceof Finding ? error : new Finding(`no coded error: ${String((error as Error).stack)}`);
  }
}

export const campaign: Campaign = {
  run: (seed, index) => tryTemplate(model(seed, index)),
  input: (seed, index) => model(seed, index).chat_template ?? '',
};
