import { describe, expect, it, vi } from 'vitest';
import type { ChatMessage, Conversation, ModelText, Segment } from '../types.ts';
import {
  chatml,
  endsOnce,
  headers,
  instTags,
  markerless,
  noSystem,
  opensThought,
  thinking,
} from './example-templates.ts';
import { openTemplate } from './index.ts';
import { JinjaTemplate } from './jinja.ts';

const user = (content: string): ChatMessage => ({ role: 'user', content });
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content });
const system = (content: string): ChatMessage => ({ role: 'system', content });
const chat = (...messages: ChatMessage[]): Conversation => ({ kind: 'chat', messages });
const whole = (segments: Segment[]) => segments.map(([text]) => text).join('');
const kinds: [string, ModelText][] = [
  ['chatml', chatml],
  ['headers', headers],
  ['inst tags', instTags],
  ['no system', noSystem],
  ['thinking', thinking],
  ['markerless', markerless],
  ['opens thought', opensThought],
  ['ends once', endsOnce],
];
const learned = (segments: Segment[]) => segments.filter(([, supervised]) => supervised === 1).map(([text]) => text);

describe('the model’s own template', () => {
  it('supervises the answer and its end-of-turn marker, and not the line end behind it', () => {
    const template = openTemplate(chatml);
    expect(template.name).toBe('model');
    expect(template.renderRow(chat(user('Hi'), assistant('Hello!')))).toEqual([
      ['<|im_start|>system\nBe helpful.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n', 0],
      ['Hello!<|im_end|>', 1],
      ['\n', 0],
    ]);
  });

  it.each(kinds)('takes marks in what a person wrote for text, and only those: %s', (_name, model) => {
    const template = openTemplate(model);
    const plain = template.renderRow(chat(user('Hi'), assistant('Hello!')));
    // The first rows of a shape are rendered both ways, so more than those.
    for (const said of ['<|im_end|> [INST] <s>', ' <|im_start|>user\n'])
      for (let i = 0; i < 10; i++) {
        const segments = template.renderRow(chat(user(`${said}${i}`), assistant(`a | b ${said}`)));
        const literal = segments.filter((segment) => segment[2] === 1).map(([text]) => text);
        expect(literal).toContain(`${said}${i}`.trim());
        const own = segments.filter((segment) => segment[2] === undefined).map(([text]) => text);
        // What is left is what the template prints around any messages.
        expect(own.join('').replace(/\s/g, '')).toBe(
          whole(plain).replace('Hi', '').replace('Hello!', '').replace(/\s/g, ''),
        );
      }
  });

  it.each([
    ['chatml', chatml],
    ['headers', headers],
    ['no system', noSystem],
  ])('runs the template only for the first rows of a shape: %s', (_name, model) => {
    const render = vi.spyOn(JinjaTemplate.prototype, 'render');
    const template = openTemplate(model);
    const rowsOf = (from: number, to: number) => {
      const before = render.mock.calls.length;
      for (let i = from; i < to; i++) template.renderRow(chat(user(`a < ${i}`), assistant(`|${i}| <s>`)));
      return render.mock.calls.length - before;
    };
    expect(rowsOf(0, 20)).toBeGreaterThan(0);
    expect(rowsOf(20, 100)).toBe(0);
    render.mockRestore();
  });

  it('takes nothing of the template’s own for a person’s where it cuts a message up', () => {
    const segments = openTemplate(thinking).renderRow(chat(user('a <b>'), assistant('<think>\nso\n</think>\n\ny')));
    expect(segments.filter((segment) => segment[2] === 1)).toEqual([]);
  });

  it('keeps plain text as it is, marks and all', () => {
    expect(openTemplate(chatml).renderRow({ kind: 'text', text: '<|im_start|>user' })).toEqual([
      ['<|im_start|>user<|im_end|>', 1],
    ]);
  });

  it.each(kinds)('gives in chat the prompt that rows were trained with: %s', (_name, model) => {
    const template = openTemplate(model);
    const [prompt, ...rest] = template.renderRow(chat(user('Hi'), assistant('Hello!')));
    expect(template.renderPrompt([user('Hi')])).toEqual([prompt]);
    expect(prompt![1]).toBe(0);
    expect(rest[0]![1]).toBe(1);
    expect(rest[0]![0]).toContain('Hello!');
  });

  it.each(kinds)('takes marks for text in chat as in rows: %s', (_name, model) => {
    const template = openTemplate(model);
    for (const said of ['Hi <|im_end|> [INST] <s>', '<|im_start|>user']) {
      const row = template.renderRow(chat(user(said), assistant('Hello!')));
      const before = row.slice(
        0,
        row.findIndex(([, supervised]) => supervised === 1),
      );
      expect(template.renderPrompt([user(said)])).toEqual(before);
      expect(before.some(([text, , literal]) => text === said && literal === 1)).toBe(true);
    }
  });

  it('keeps the BOS that the template prints, once', () => {
    expect(whole(openTemplate(headers).renderPrompt([user('Hi')]))).toMatch(/^<\|begin\|><\|head\|>system/);
    expect(whole(openTemplate(noSystem).renderPrompt([user('Hi')]))).toMatch(/^<bos><start>user/);
    expect(whole(openTemplate(chatml).renderPrompt([user('Hi')]))).toMatch(/^<\|im_start\|>system/);
  });

  it('supervises every answer of several turns, and leaves out those marked as context', () => {
    const turns = [user('1'), assistant('one'), user('2'), assistant('two'), user('3'), assistant('three')];
    for (const model of [chatml, headers, noSystem]) {
      const segments = openTemplate(model).renderRow(chat(...turns));
      expect(learned(segments).map((text) => text.replace(/<.*/, ''))).toEqual(['one', 'two', 'three']);
    }
    const context = turns.map((turn, index) => (index === 3 ? { ...turn, supervised: false } : turn));
    expect(learned(openTemplate(chatml).renderRow(chat(...context)))).toEqual(['one<|im_end|>', 'three<|im_end|>']);
  });

  it('gives the same text whether a row is filled in or rendered by the template', () => {
    for (const [, model] of kinds) {
      const template = openTemplate(model);
      const rows = Array.from({ length: 40 }, (_, i) =>
        chat(user(`q ${i}`), assistant(`a ${i}`), user(`r ${i}`), assistant(`b\n${i}`)),
      );
      const quick = rows.map((row) => template.renderRow(row));
      // A fresh template renders its first rows of a shape with the template itself.
      rows.forEach((row, index) => expect(openTemplate(model).renderRow(row)).toEqual(quick[index]));
    }
  });

  it('follows a template that trims messages', () => {
    const template = openTemplate(headers);
    for (let i = 0; i < 20; i++) template.renderRow(chat(user(`a${i}`), assistant(`b${i}`)));
    const segments = template.renderRow(chat(user('  Hi \n'), assistant('\n Hello! ')));
    expect(learned(segments)).toEqual(['Hello!<|eot|>']);
    expect(whole(segments)).toContain('\n\nHi<|eot|>');
  });

  it('keeps blank ends where the template keeps them', () => {
    const template = openTemplate(chatml);
    for (let i = 0; i < 20; i++) template.renderRow(chat(user(`a${i}`), assistant(`b${i}`)));
    expect(learned(template.renderRow(chat(user('Hi'), assistant(' Hello! \n'))))).toEqual([' Hello! \n<|im_end|>']);
  });

  it('finds the answers where the system text moves to the last user turn', () => {
    const template = openTemplate(instTags);
    expect(template.warnings).toEqual([]);
    const segments = template.renderRow(
      chat(system('Rules'), user('1'), assistant('one'), user('2'), assistant('two')),
    );
    expect(segments).toEqual([
      ['<s>[INST] 1[/INST]', 0],
      [' one</s>', 1],
      ['[INST] Rules\n\n2[/INST]', 0],
      [' two</s>', 1],
    ]);
  });

  it('finds the answers where thoughts are cut out of earlier turns', () => {
    const template = openTemplate(thinking);
    const rows = [
      user('1'),
      assistant('<think>\nhm\n</think>\n\none'),
      user('2'),
      assistant('<think>\nso\n</think>\n\ntwo'),
    ];
    expect(template.renderRow(chat(...rows))).toEqual([
      ['<|im_start|>user\n1<|im_end|>\n<|im_start|>assistant\n', 0],
      ['one<|im_end|>', 1],
      ['\n<|im_start|>user\n2<|im_end|>\n<|im_start|>assistant\n', 0],
      ['<think>\nso\n</think>\n\ntwo<|im_end|>', 1],
      ['\n', 0],
    ]);
  });

  it('notices thoughts after many rows without any', () => {
    const template = openTemplate(thinking);
    for (let i = 0; i < 50; i++) template.renderRow(chat(user(`a${i}`), assistant(`b${i}`)));
    expect(learned(template.renderRow(chat(user('x'), assistant('<think>\nso\n</think>\n\ny'))))).toEqual([
      '<think>\nso\n</think>\n\ny<|im_end|>',
    ]);
  });

  it('puts the system text before the first user turn where the template takes none', () => {
    const template = openTemplate(noSystem);
    expect(template.warnings.map(({ code }) => code)).toEqual(['template_without_system']);
    expect(whole(template.renderRow(chat(system('Rules'), user('Hi'), assistant('Hello!'))))).toBe(
      '<bos><start>user\nRules\n\nHi<end>\n<start>model\nHello!<end>\n',
    );
  });

  it('ends answers with EOS where the template has no marker', () => {
    const template = openTemplate(markerless);
    expect(template.warnings.map(({ code }) => code)).toEqual(['template_without_end_marker']);
    expect(template.renderRow(chat(user('Hi'), assistant('Hello!')))).toEqual([
      ['user: Hi\nassistant:', 0],
      [' Hello!</s>', 1],
      ['\n', 0],
    ]);
  });

  it('asks as it was trained where the generation prompt opens a thought, and says so', () => {
    const template = openTemplate(opensThought);
    expect(template.warnings.map(({ code }) => code)).toContain('template_opens_thought');
    expect(whole(template.renderPrompt([user('1'), assistant('one'), user('2')]))).toBe(
      '<s><|user|>1<|assistant|>one<|end|><|user|>2<|assistant|>',
    );
  });

  it('learns the marker of every answer where EOS stands only behind the last', () => {
    const segments = openTemplate(endsOnce).renderRow(chat(user('1'), assistant('one'), user('2'), assistant('two')));
    expect(learned(segments)).toEqual(['one<|end|>', 'two<|end|>']);
    expect(whole(segments)).toMatch(/two<\|end\|>\n<\/s>$/);
  });

  it('refuses a conversation with the template’s own words', () => {
    expect(() => openTemplate(noSystem).renderRow(chat(user('a'), user('b'), assistant('c')))).toThrow(
      /roles must alternate/,
    );
  });
});

describe('the Alpaca templates', () => {
  const bare: ModelText = { chat_template: null, bos_token: '<s>', eos_token: '</s>' };
  const row = (instruction: string, input: string): Conversation => ({
    ...(chat(user(`${instruction}\n\n${input}`), assistant('4')) as Extract<Conversation, { kind: 'chat' }>),
    alpaca: { instruction, input },
  });

  it('are taken where the model has none, or on request', () => {
    expect(openTemplate(bare).name).toBe('alpaca');
    expect(openTemplate(bare).reason).toMatch(/no chat template/);
    expect(openTemplate(chatml, 'alpaca-short').name).toBe('alpaca-short');
  });

  it('have an input block where there is an input', () => {
    expect(openTemplate(bare, 'alpaca-short').renderRow(row('Add.', '2 + 2'))).toEqual([
      ['### Instruction:\nAdd.\n\n### Input:\n2 + 2\n\n### Response:\n', 0],
      ['4</s>', 1],
    ]);
    expect(whole(openTemplate(bare, 'alpaca').renderRowPrompt(row('Add.', '2 + 2')))).toMatch(
      /^Below is an instruction.*further context\./,
    );
    expect(whole(openTemplate(bare, 'alpaca').renderRowPrompt(row('Add 2 and 2.', '')))).toBe(
      'Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n' +
        '### Instruction:\nAdd 2 and 2.\n\n### Response:\n',
    );
  });

  it('take several turns and a system text', () => {
    const segments = openTemplate(bare, 'alpaca').renderRow(
      chat(system('Rules'), user('1'), assistant('one'), user('2'), assistant('two')),
    );
    expect(whole(segments)).toBe(
      'Rules\n\n### Instruction:\n1\n\n### Response:\none</s>\n\n### Instruction:\n2\n\n### Response:\ntwo</s>',
    );
    expect(learned(segments)).toEqual(['one</s>', 'two</s>']);
  });

  it('stand in for a template that can’t be used, with a warning, unless that one was asked for', () => {
    const broken = { ...chatml, chat_template: '{% for x in %}' };
    expect(openTemplate(broken).name).toBe('alpaca');
    expect(openTemplate(broken).warnings.map(({ code }) => code)).toEqual(['template_invalid']);
    expect(() => openTemplate(broken, 'model')).toThrow(expect.objectContaining({ code: 'template_invalid' }));
    expect(() => openTemplate({ ...chatml, chat_template: '{{ "hi" }}' }, 'model')).toThrow(
      /does not show the messages/,
    );
    expect(() => openTemplate(bare, 'model')).toThrow(expect.objectContaining({ code: 'template_missing' }));
  });
});

describe('plain text', () => {
  it('is learned as a whole and ends with EOS', () => {
    expect(openTemplate(chatml).renderRow({ kind: 'text', text: 'Once upon a time.' })).toEqual([
      ['Once upon a time.<|im_end|>', 1],
    ]);
  });
});
