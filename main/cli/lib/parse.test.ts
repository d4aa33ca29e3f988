import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../commands/index.ts';
import type { Command } from './command.ts';
import { helpOf } from './help.ts';
import { COMMON, parseCommand } from './parse.ts';

const command: Command = {
  name: 'try',
  summary: 'Try something',
  words: ['FILE', '[OTHER]'],
  groups: [
    {
      title: 'What',
      options: [
        { flag: 'model', kind: 'string', required: true, help: 'the model' },
        { flag: 'lora-rank', kind: 'number', help: 'the rank', default: '16' },
        { flag: 'format', kind: 'string', choices: ['a', 'b'], help: 'the format' },
        { flag: 'column', kind: 'string', repeated: true, help: 'a column' },
        { flag: 'color', kind: 'string', repeated: true, choices: ['red', 'blue'], help: 'a color' },
        { flag: 'overwrite', kind: 'boolean', help: 'replace' },
      ],
    },
  ],
  run: () => Promise.resolve(0),
};
const refuse = (...argv: string[]) => {
  try {
    parseCommand(command, argv);
  } catch (error) {
    return error as { code: string; message: string; hint: string; exitCode: number };
  }
  throw new Error('not refused');
};

describe('parseCommand', () => {
  test('reads words, numbers, switches and repeated options', () => {
    expect(
      parseCommand(command, [
        'f',
        '--model',
        'm.gguf',
        '--lora-rank=2e0',
        '--overwrite',
        '--column',
        'x=y',
        '--column',
        'z=w',
      ]),
    ).toEqual({
      words: ['f'],
      options: { model: 'm.gguf', 'lora-rank': 2, overwrite: true, column: ['x=y', 'z=w'] },
    });
  });

  test('a negative number is the value of the option before it', () => {
    expect(parseCommand(command, ['f', '--model', 'm', '--lora-rank', '-1']).options['lora-rank']).toBe(-1);
  });

  test.each([
    [['f', '--model', 'm', '--lora-rank', 'many'], '--lora-rank takes a number, not "many".'],
    [['f', '--model', 'm', '--lora-rank', ''], '--lora-rank takes a number, not "".'],
    [['f', '--model', 'm', '--format', 'c'], '--format takes one of a, b, not "c".'],
    [['f', '--model', 'm', '--color', 'red', '--color', 'c'], '--color takes one of red, blue, not "c".'],
    [['f'], '--model is missing.'],
    [['--model', 'm'], 'FILE is missing.'],
    [['f', 'g', 'h', '--model', 'm'], '"h" is one word too many.'],
    [['f', '--modle', 'm'], 'There is no option --modle.'],
  ])('refuses %j', (argv, message) => {
    expect(refuse(...argv)).toMatchObject({ code: 'usage', message, exitCode: 2 });
  });

  test('guesses what was meant, underscores too', () => {
    expect(refuse('f', '--lora_rank', '3').hint).toContain('Did you mean --lora-rank?');
  });

  test('--help needs nothing else', () => {
    expect(parseCommand(command, ['--help']).options.help).toBe(true);
  });
});

test.each(COMMANDS.map(({ name }) => name))('forja %s has each option once, and help that fits', (name) => {
  const one = COMMANDS.find((other) => other.name === name)!;
  const flags = [...one.groups.flatMap(({ options }) => options), ...COMMON].map(({ flag }) => flag);
  expect(flags).toEqual([...new Set(flags)]);
  expect(helpOf(one)).toContain(one.summary);
});

test('the help lists every option with its default and what it takes', () => {
  const help = helpOf(command);
  expect(help).toContain('Usage: forja try FILE [OTHER] [options]');
  expect(help).toMatch(/--model TEXT +the model \(required\)/);
  expect(help).toMatch(/--lora-rank N +the rank \(default 16\)/);
  expect(help).toMatch(/--format TEXT +the format \(a, b\)/);
  expect(Math.max(...help.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(100);
});
