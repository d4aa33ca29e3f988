import type { Command, Option } from './command.ts';
import { COMMON } from './parse.ts';

const WIDTH = 100;

/** The text of `forja --help`. */
export function helpOfAll(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    'Forja fine-tunes GGUF language models on this computer.',
    '',
    'Usage: forja COMMAND [options]',
    '',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'Every command has --help, and --json for scripts. Exit codes: 0 done, 1 failed, 2 bad input, 3 stopped.',
  ].join('\n');
}

/** The text of `forja COMMAND --help`. */
export function helpOf(command: Command): string {
  const words = (command.words ?? []).map((word) => ` ${word}`).join('');
  const lines = [command.summary, '', `Usage: forja ${command.name}${words} [options]`];
  if (command.about !== undefined) lines.push('', ...wrap(command.about, WIDTH));
  const groups = [...command.groups, { title: 'Others', options: COMMON }];
  const width = Math.max(...groups.flatMap(({ options }) => options.map((option) => head(option).length)));
  for (const { title, options } of groups) {
    lines.push('', `${title}:`);
    for (const option of options) {
      const [first = '', ...rest] = wrap(describe(option), WIDTH - width - 4);
      lines.push(`  ${head(option).padEnd(width)}  ${first}`, ...rest.map((line) => `${' '.repeat(width + 4)}${line}`));
    }
  }
  if (command.examples !== undefined) lines.push('', 'Examples:', ...command.examples.map((example) => `  ${example}`));
  return lines.join('\n');
}

function head({ flag, kind, value }: Option): string {
  return kind === 'boolean' ? `--${flag}` : `--${flag} ${value ?? (kind === 'number' ? 'N' : 'TEXT')}`;
}

function describe({ help, required, choices, default: fallback }: Option): string {
  const notes = [
    ...(choices === undefined ? [] : [choices.join(', ')]),
    ...(required === true ? ['required'] : []),
    ...(fallback === undefined ? [] : [`default ${fallback}`]),
  ];
  return notes.length === 0 ? help : `${help} (${notes.join('; ')})`;
}

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1)!;
    if (last !== '' && last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}
