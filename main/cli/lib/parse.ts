import { parseArgs } from 'node:util';
import { ForjaError } from '../../contracts/errors.ts';
import type { Arguments, Command, Option } from './command.ts';

/** Options that every command has. */
export const COMMON: Option[] = [
  { flag: 'json', kind: 'boolean', help: 'JSON Lines on stdout; the last line is the result' },
  { flag: 'help', kind: 'boolean', help: 'this text' },
];

/**
 * Reads a command's arguments.
 * @throws ForjaError usage: an unknown option, a value that is none, a required one missing, a word too many
 */
export function parseCommand(command: Command, argv: string[]): Arguments {
  const options = [...command.groups.flatMap((group) => group.options), ...COMMON];
  const help = `See \`forja ${command.name} --help\`.`;
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({
      args: joinNegativeNumbers(argv),
      allowPositionals: true,
      strict: true,
      options: Object.fromEntries(
        options.map(({ flag, kind, repeated = false }) => [
          flag,
          { type: kind === 'boolean' ? ('boolean' as const) : ('string' as const), multiple: repeated },
        ]),
      ),
    });
  } catch (error) {
    throw explain(error as Error, argv, options, help);
  }
  const values: Arguments['options'] = {};
  for (const option of options) {
    const given = parsed.values[option.flag];
    if (given !== undefined) values[option.flag] = convert(option, given as string | boolean | string[], help);
  }
  if (values.help !== true) checkComplete(command, options, values, parsed.positionals, help);
  return { options: values, words: parsed.positionals };
}

function convert(
  option: Option,
  given: string | boolean | string[],
  help: string,
): string | number | boolean | string[] {
  if (option.kind === 'number') {
    const number = given === '' ? NaN : Number(given);
    if (!Number.isFinite(number)) {
      throw usage(`--${option.flag} takes a number, not "${String(given)}".`, help, { option: option.flag });
    }
    return number;
  }
  const words = typeof given === 'boolean' ? [] : [given].flat();
  const wrong = words.find((word) => option.choices?.includes(word) === false);
  if (wrong !== undefined) {
    const choices = option.choices!.join(', ');
    throw usage(`--${option.flag} takes one of ${choices}, not "${wrong}".`, help, { option: option.flag, choices });
  }
  return given;
}

function checkComplete(
  command: Command,
  options: Option[],
  values: Arguments['options'],
  words: string[],
  help: string,
): void {
  const missing = options.find(({ flag, required }) => required === true && values[flag] === undefined);
  if (missing !== undefined) throw usage(`--${missing.flag} is missing.`, help, { option: missing.flag });
  const declared = command.words ?? [];
  const needed = declared.filter((word) => !word.startsWith('['));
  if (words.length < needed.length) throw usage(`${needed[words.length] ?? ''} is missing.`, help);
  if (words.length > declared.length) throw usage(`"${words[declared.length] ?? ''}" is one word too many.`, help);
}

/** parseArgs reads `-1` as an option; after an option that takes a value it is that value. */
function joinNegativeNumbers(argv: string[]): string[] {
  return argv.reduce<string[]>((joined, word) => {
    const before = joined.at(-1);
    if (/^-\.?\d/.test(word) && before?.startsWith('--') === true && !before.includes('=')) {
      joined[joined.length - 1] = `${before}=${word}`;
    } else joined.push(word);
    return joined;
  }, []);
}

function explain(error: Error, argv: string[], options: Option[], help: string): ForjaError {
  const code = 'code' in error ? error.code : null;
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const known = new Set(options.map(({ flag }) => flag));
    const isUnknown = (word: string) => word.startsWith('-') && !known.has(word.slice(2).split('=')[0]!);
    const word = (argv.find(isUnknown) ?? '').split('=')[0]!;
    const near = options.find(({ flag }) => distance(flag, word.replace(/^-+/, '').replaceAll('_', '-')) <= 2);
    const hint = near === undefined ? help : `Did you mean --${near.flag}? ${help}`;
    return usage(`There is no option ${word}.`, hint, { option: word });
  }
  return usage(error.message.split('\n')[0]!, help);
}

/** Levenshtein's distance, for short words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}

/** An error in how a command was called. */
export function usage(message: string, hint: string, details: Record<string, unknown> = {}): ForjaError {
  return new ForjaError('usage', message, hint, details);
}
