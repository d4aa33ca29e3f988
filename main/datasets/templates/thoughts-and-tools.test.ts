import { describe, expect, it } from 'vitest';
import type { ChatMessage, Conversation, Segment } from '../types.ts';
import { chatml, headers, markerless, reasoner, textCaller } from './example-templates.ts';
import { openTemplate } from './index.ts';

const user = (content: string): ChatMessage => ({ role: 'user', content });
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content });
const chat = (...messages: ChatMessage[]): Conversation => ({ kind: 'chat', messages });
const learned = (segments: Segment[]) => segments.filter(([, kind]) => kind === 1).map(([text]) => text);
const whole = (segments: Segment[]) => segments.map(([text]) => text).join('');

const TOOL = { type: 'function', function: { name: 'weather', parameters: {} } };
const call = (given: unknown) => ({ type: 'function' as const, function: { name: 'weather', arguments: given } });

describe('thoughts', () => {
  const row = chat(user('17*3?'), { ...assistant('51'), reasoning: '17*3 = 51' });

  it('are learned where the template shows them, under the name that it has for them', () => {
    expect(learned(openTemplate(reasoner).renderRow(row))).toEqual(['<think>\n17*3 = 51\n</think>\n\n51<|im_end|>']);
    expect(learned(openTemplate(textCaller).renderRow(row))).toEqual(['[17*3 = 51]51<|end|>']);
    expect(openTemplate(reasoner).notShown(row)).toEqual([]);
  });

  it('are told of where it does not', () => {
    for (const template of [openTemplate(chatml), openTemplate(chatml, 'alpaca'), openTemplate(chatml, 'plain')]) {
      expect(template.notShown(row)).toEqual(['messages[].reasoning']);
      expect(whole(template.renderRow(row))).not.toContain('17*3 = 51');
    }
  });

  it('hold no control tokens: marks in them are text', () => {
    const marked = chat(user('x'), { ...assistant('y'), reasoning: 'so <|im_end|> ends it' });
    const literal = openTemplate(reasoner)
      .renderRow(marked)
      .filter(([, , isLiteral]) => isLiteral === 1);
    expect(literal).toEqual([['so <|im_end|> ends it', 1, 1]]);
  });

  it('do not change rows without any', () => {
    const template = openTemplate(reasoner);
    template.renderRow(row);
    expect(learned(template.renderRow(chat(user('a'), assistant('b'))))).toEqual(['b<|im_end|>']);
  });
});

describe('tools', () => {
  it('are shown to the model, and told of where the template shows none', () => {
    const row: Conversation = { kind: 'chat', messages: [user('Oslo?'), assistant('Which code?')], tools: [TOOL] };
    const shown = openTemplate(reasoner).renderRow(row);
    expect(whole(shown)).toMatch(/^<\|im_start\|>system\nTools: .*"weather"/);
    expect(learned(shown)).toEqual(['Which code?<|im_end|>']);
    expect(whole(openTemplate(reasoner).renderRowPrompt(row))).toContain('"weather"');
    expect(openTemplate(reasoner).notShown(row)).toEqual([]);
    expect(openTemplate(chatml).notShown(row)).toEqual(['tools']);
  });

  const called = (given: unknown) =>
    chat(
      user('Oslo?'),
      { ...assistant(''), tool_calls: [call(given)] },
      { role: 'tool', content: '4C', name: 'weather' },
      assistant('Four.'),
    );

  it('are called as the template writes it, and the call is learned', () => {
    expect(learned(openTemplate(reasoner).renderRow(called({ code: 'OSL' })))).toEqual([
      '<call>{"name": "weather", "arguments": {"code": "OSL"}}</call><|im_end|>',
      'Four.<|im_end|>',
    ]);
    expect(learned(openTemplate(textCaller).renderRow(called({ code: 'OSL' })))).toEqual([
      'weather:{"code":"OSL"}<|end|>',
      'Four.<|end|>',
    ]);
  });

  it('are not called in silence: such a row is refused where the template leaves calls out', () => {
    for (const choice of ['model', 'alpaca', 'plain'] as const) {
      expect(() => openTemplate(chatml, choice).renderRow(called({}))).toThrow(/calls tools|conversation/);
    }
  });
});

describe('the end of an answer', () => {
  const answers = (said: string, template = openTemplate(chatml)) =>
    learned(template.renderRow(chat(user('Hi'), assistant(said))));

  it('comes once, also where the row has it already', () => {
    expect(answers('Hello!<|im_end|>')).toEqual(['Hello!<|im_end|>']);
    expect(answers('Hello!<|im_end|>\n')).toEqual(['Hello!<|im_end|>']);
    expect(answers('Hello!</s>', openTemplate(markerless))).toEqual([' Hello!</s>']);
    expect(answers('Hello!<|im_end|>', openTemplate(chatml, 'alpaca'))).toEqual(['Hello!<|im_end|>']);
    // Of an answer that is nothing else, something must stay.
    expect(answers('<|im_end|>').join('')).toBe('<|im_end|><|im_end|>');
  });

  it('comes once behind plain text', () => {
    const ends = (text: string) => whole(openTemplate(chatml).renderRow({ kind: 'text', text }));
    for (const text of ['<|im_start|>user\nhi<|im_end|>', 'plain<|im_end|>\n']) expect(ends(text)).toBe(text);
    expect(ends('plain')).toBe('plain<|im_end|>');
    expect(ends('<|im_end|> is a mark')).toBe('<|im_end|> is a mark<|im_end|>');
  });

  it('is warned of where nothing ends an answer', () => {
    const bare = { chat_template: null, bos_token: null, eos_token: null };
    for (const choice of ['alpaca', 'plain'] as const) {
      expect(openTemplate(bare, choice).warnings.map(({ code }) => code)).toEqual(['template_without_end_marker']);
    }
  });
});

describe('an empty system message', () => {
  const empty: ChatMessage = { role: 'system', content: '' };

  it('is one: the template’s own default does not take its place', () => {
    expect(whole(openTemplate(chatml).renderRow(chat(empty, user('Hi'), assistant('Hello!'))))).toBe(
      '<|im_start|>system\n<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello!<|im_end|>\n',
    );
    expect(whole(openTemplate(chatml, 'alpaca').renderRow(chat(empty, user('Hi'), assistant('Hello!'))))).toBe(
      '### Instruction:\nHi\n\n### Response:\nHello!<|im_end|>',
    );
  });
});

describe('today', () => {
  const row = [user('Hi')];

  it('is the day that was asked for, or the day of use', () => {
    const asked = openTemplate({ ...headers, date: new Date(2031, 1, 3) });
    expect(whole(asked.renderPrompt(row))).toContain('Today: 03 Feb 2031\n');
    const before = new Date();
    const shown = /Today: (.*)\n/.exec(whole(openTemplate(headers).renderPrompt(row)))![1]!;
    const after = new Date();
    const days = [before, after].map((date) => date.toDateString());
    expect(days).toContain(new Date(shown).toDateString());
  });
});

describe('plain', () => {
  const plain = openTemplate({ chat_template: null, bos_token: '<s>', eos_token: '</s>' }, 'plain');

  it('puts prompt and answer together as they are', () => {
    expect(plain.renderRow(chat(user('Once upon'), assistant(' a time.')))).toEqual([
      ['Once upon', 0],
      [' a time.</s>', 1],
    ]);
    expect(plain.renderPrompt([user('Once upon')])).toEqual([['Once upon', 0]]);
    const system: ChatMessage = { role: 'system', content: 'Tales.\n' };
    expect(whole(plain.renderRow(chat(system, user('Once'), assistant(' more'))))).toBe('Tales.\nOnce more</s>');
  });

  it('refuses conversations of several turns', () => {
    expect(() => plain.renderRow(chat(user('a'), assistant('b'), user('c'), assistant('d')))).toThrow(
      expect.objectContaining({ code: 'template_refused' }),
    );
  });
});
