import { describe, expect, it } from 'vitest';
import { RowError } from '../../errors.ts';
import { chatml } from '../example-templates.ts';
import { JinjaTemplate } from '../jinja.ts';

const MESSAGES = [
  { role: 'user', content: 'Hello' },
  { role: 'assistant', content: 'Hi' },
] as const;

/** What a template renders, or why it was refused. */
function outcome(source: string, content = 'Hello'): string {
  const template = new JinjaTemplate(source, chatml, null);
  try {
    return template.render([{ role: 'user', content }, MESSAGES[1]], false);
  } catch (error) {
    if (!(error instanceof RowError) || error.code !== 'template_refused') throw error;
    return String(error.details.reason);
  }
}

const loops = (count: number, body: string) =>
  Array.from({ length: count }, (_, at) => `{% for i${at} in l %}`).join('') + body + '{% endfor %}'.repeat(count);

describe('a template that takes more than a template should', () => {
  const list = '{% set l = range(1000) %}';
  const doubled = (times: number, step: string) =>
    `{% set ns = namespace(x='ab', l=[1, 2]) %}{% for i in range(${times}) %}${step}{% endfor %}`;
  it.each([
    ['loops in loops', `${list}${loops(4, 'x')}`, /steps/],
    ['loops with nothing in them', `${list}${loops(4, '')}`, /steps/],
    [
      'a macro that calls itself twice',
      '{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}',
      /steps|stack|not a function/,
    ],
    [
      'a macro that calls itself without end',
      '{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(1) }}',
      /steps|stack|not a function/,
    ],
    ['a long range', '{{ range(1000000000) | length }}', /lists/],
    ['a range without end', '{{ range(0, 10, 0) | length }}', /lists/],
    ['a text doubled again and again', doubled(60, '{% set ns.x = ns.x ~ ns.x %}'), /text/],
    ['a list doubled again and again', doubled(60, '{% set ns.l = ns.l + ns.l %}'), /lists/],
    [
      'a list that holds itself twice, again and again',
      `${doubled(60, '{% set ns.l = [ns.l, ns.l] %}')}{{ ns.l | tojson }}`,
      /lists/,
    ],
    ['a dictionary that does', `${doubled(60, "{% set ns.l = {'a': ns.l, 'b': ns.l} %}")}{{ ns.l | tojson }}`, /lists/],
    [
      'a long text printed again and again',
      `{% set s = 'x' | indent(900000, true) %}{% for i in range(100000) %}{{ s }}{% endfor %}`,
      /text/,
    ],
    [
      'many texts that are kept',
      doubled(5000, "{% set ns.x = ('x' | indent(100000, true)) ~ i %}{% set ns.l = ns.l + [ns.x] %}"),
      /text/,
    ],
    ['an indent without end', "{{ 'x' | indent(1000000000, true) }}", /text|repeat|length/i],
    [
      'a replacement of nothing by much',
      `{% set s = 'y' | indent(900000, true) %}{{ s | replace('', s) }}`,
      /text|length/i,
    ],
  ])('is stopped: %s', (_, source, reason) => {
    expect(outcome(source)).toMatch(reason);
  });

  it('is allowed more for a longer conversation', () => {
    const source = "{% for m in messages %}{% for line in m.content.split('\\n') %}{{ line }}|{% endfor %}{% endfor %}";
    const long = 'a line of a text\n'.repeat(50_000);
    expect(outcome(source, long)).toHaveLength(long.length + 1 + 'Hi|'.length);
  });
});

describe('a template', () => {
  it.each([
    "{{ messages.constructor.constructor('return process')() }}",
    "{{ messages['__proto__']['constructor'] }}",
    "{{ raise_exception.constructor('return process')() }}",
    "{{ range.constructor('return globalThis')() }}",
    "{{ ''.constructor.constructor('return process')() }}",
    '{{ process.env }}{{ globalThis }}{{ require("fs") }}{{ this }}',
    '{{ messages[0].content.__class__.__mro__[1].__subclasses__() }}',
    "{% set x = messages | map(attribute='constructor') | list %}{{ x }}",
    "{{ 'x' | attr('constructor') }}",
    "{{ strftime_now.constructor('return process')() }}",
  ])('reaches nothing of Node: %s', (source) => {
    const text = outcome(source);
    expect(text).not.toMatch(/native code|\[object|PATH=|=>/i);
    expect(Object.keys(process.env).some((name) => name.length > 3 && text.includes(name))).toBe(false);
  });
});
