/** The methods of Python's str that templates use. White space is Python's, which is not quite JavaScript's. */
import { str } from './printing.ts';
import {
  Callable,
  hasPairs,
  iterate,
  lengthOf,
  TemplateError,
  Tuple,
  tupleOf,
  typeName,
  type Kwargs,
  type Value,
} from './values.ts';

const BLANK = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const BLANK_START = new RegExp(`^[${BLANK}]+`);
const BLANK_END = new RegExp(`(?<![${BLANK}])[${BLANK}]+$`);
const BLANKS = new RegExp(`[${BLANK}]+`, 'g');
const LINE_ENDS = '\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029';
const LINE_END = new RegExp(`\\r\\n|[${LINE_ENDS}]`);

/** Whether str.strip() would take something off a text's ends. */
export const hasBlankEnds = (text: string): boolean =>
  text !== '' && (BLANK_START.test(text) || BLANK_START.test(text[text.length - 1]!));

/** @param chars what to take off the ends; null for white space */
export function strip(text: string, chars: string | null, left: boolean, right: boolean): string {
  if (chars === null) {
    const begun = left ? text.replace(BLANK_START, '') : text;
    return right ? begun.replace(BLANK_END, '') : begun;
  }
  const signs = new Set(Array.from(chars));
  const all = Array.from(text);
  let from = 0;
  let to = all.length;
  while (left && from < to && signs.has(all[from]!)) from++;
  while (right && to > from && signs.has(all[to - 1]!)) to--;
  return all.slice(from, to).join('');
}

export function splitLines(text: string, keep = false): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest !== '') {
    const end = LINE_END.exec(rest);
    const size = end === null ? rest.length : end.index + (keep ? end[0].length : 0);
    lines.push(rest.slice(0, size));
    rest = end === null ? '' : rest.slice(end.index + end[0].length);
  }
  return lines;
}

export function replaceText(text: string, old: string, by: string, most: number): string {
  if (most < 0 && old !== '') return text.split(old).join(by);
  const limit = most < 0 ? Infinity : most;
  if (old === '') {
    const signs = ['', ...Array.from(text)];
    return signs.map((sign, index) => sign + (index < limit ? by : '')).join('');
  }
  const parts = text.split(old);
  const cut = Math.min(limit, parts.length - 1);
  return (
    parts.slice(0, cut + 1).join(by) +
    parts
      .slice(cut + 1)
      .map((part) => old + part)
      .join('')
  );
}

export const capitalize = (text: string): string => {
  const [first = '', ...rest] = Array.from(text);
  return first.toUpperCase() + rest.join('').toLowerCase();
};

const titleCase = (text: string) => text.replace(/\p{L}+/gu, (word) => capitalize(word));

/** text[from:to:step], by characters. */
export function sliceOf<T>(items: readonly T[], from: number | null, to: number | null, step: number): T[] {
  if (step === 0) throw new TemplateError('slice step cannot be zero');
  const size = items.length;
  const clamp = (at: number | null, otherwise: number, low: number, high: number) =>
    at === null ? otherwise : Math.min(Math.max(at < 0 ? at + size : at, low), high);
  const result: T[] = [];
  if (step > 0) {
    const end = clamp(to, size, 0, size);
    for (let at = clamp(from, 0, 0, size); at < end; at += step) result.push(items[at]!);
  } else {
    const end = clamp(to, -1, -1, size - 1);
    for (let at = clamp(from, size - 1, -1, size - 1); at > end; at += step) result.push(items[at]!);
  }
  return result;
}

/** One argument of a method, by place or by name. */
function argument(args: Value[], kwargs: Kwargs, place: number, name: string): Value | undefined {
  return args[place] ?? (args.length > place ? null : kwargs.get(name));
}

function textArgument(value: Value | undefined, what: string): string {
  if (typeof value === 'string') return value;
  throw new TemplateError(`${what} must be str, not ${value === undefined ? 'nothing' : typeName(value)}`);
}

function numberArgument(value: Value | undefined, otherwise: number): number {
  if (value === undefined || value === null) return otherwise;
  if (typeof value === 'number') return value;
  throw new TemplateError(`'${typeName(value)}' object cannot be interpreted as an integer`);
}

function split(text: string, sep: Value | undefined, most: number, fromRight: boolean): string[] {
  if (sep === null || sep === undefined) {
    const words = strip(text, null, true, true);
    const all = words === '' ? [] : words.split(BLANKS);
    if (most < 0 || all.length <= most + 1) return all;
    const kept = most;
    if (fromRight) {
      let rest = words;
      for (let index = 0; index < kept; index++)
        rest = strip(rest.slice(0, rest.length - all[all.length - 1 - index]!.length), null, false, true);
      return [rest, ...all.slice(all.length - kept)];
    }
    let rest = strip(text, null, true, false);
    for (let index = 0; index < kept; index++) rest = strip(rest.slice(all[index]!.length), null, true, false);
    return [...all.slice(0, kept), rest];
  }
  const mark = textArgument(sep, 'sep');
  if (mark === '') throw new TemplateError('empty separator');
  const parts = text.split(mark);
  if (most < 0 || parts.length <= most + 1) return parts;
  return fromRight
    ? [parts.slice(0, parts.length - most).join(mark), ...parts.slice(parts.length - most)]
    : [...parts.slice(0, most), parts.slice(most).join(mark)];
}

function isAffix(text: string, args: Value[], test: (part: string, affix: string) => boolean): boolean {
  const [affix] = args;
  const from = args[1] === undefined && args[2] === undefined ? text : part(text, args[1], args[2]);
  if (affix instanceof Tuple) return affix.some((one) => test(from, textArgument(one, 'affix')));
  return test(from, textArgument(affix, 'affix'));
}

const part = (text: string, from: Value | undefined, to: Value | undefined) =>
  sliceOf(Array.from(text), numberArgument(from, 0), to === undefined ? null : numberArgument(to, 0), 1).join('');

/** Where a text lies in another, in characters; -1 when it doesn't. */
function find(text: string, args: Value[], last: boolean): number {
  const sought = textArgument(args[0], 'find()');
  const size = lengthOf(text);
  const from = Math.max(
    0,
    args[1] === undefined
      ? 0
      : numberArgument(args[1], 0) < 0
        ? size + numberArgument(args[1], 0)
        : numberArgument(args[1], 0),
  );
  const stretch = args.length > 1 ? part(text, args[1], args[2]) : text;
  const at = last ? stretch.lastIndexOf(sought) : stretch.indexOf(sought);
  return at < 0 ? -1 : from + (hasPairs(stretch) ? lengthOf(stretch.slice(0, at)) : at);
}

function found(at: number): number {
  if (at < 0) throw new TemplateError('substring not found');
  return at;
}

function justify(text: string, args: Value[], place: 'left' | 'right' | 'center'): string {
  const missing = Math.max(0, numberArgument(args[0], 0) - lengthOf(text));
  const fill = args[1] === undefined ? ' ' : textArgument(args[1], 'fill');
  const width = numberArgument(args[0], 0);
  const before = place === 'left' ? 0 : place === 'right' ? missing : Math.floor(missing / 2) + (missing & width & 1);
  return fill.repeat(before) + text + fill.repeat(missing - before);
}

function format(text: string, args: Value[], kwargs: Kwargs): string {
  let next = 0;
  return text.replace(/\{\{|\}\}|\{(\w*)\}|[{}]/g, (sign, name: string | undefined) => {
    if (sign === '{{' || sign === '}}') return sign[0]!;
    if (name === undefined) throw new TemplateError(`This kind of str.format is not supported: ${text}`);
    const value = name === '' ? args[next++] : /^\d+$/.test(name) ? args[Number(name)] : kwargs.get(name);
    if (value === undefined) throw new TemplateError(`str.format has no value for {${name}}`);
    return str(value);
  });
}

const cased = /\p{Lu}|\p{Ll}|\p{Lt}/u;

const METHODS: Record<string, (text: string, args: Value[], kwargs: Kwargs) => Value> = {
  strip: (text, args) => strip(text, chars(args), true, true),
  lstrip: (text, args) => strip(text, chars(args), true, false),
  rstrip: (text, args) => strip(text, chars(args), false, true),
  upper: (text) => text.toUpperCase(),
  lower: (text) => text.toLowerCase(),
  casefold: (text) => text.toLowerCase(),
  title: titleCase,
  capitalize,
  swapcase: (text) =>
    Array.from(text, (sign) => (sign === sign.toUpperCase() ? sign.toLowerCase() : sign.toUpperCase())).join(''),
  split: (text, args, kwargs) =>
    split(text, argument(args, kwargs, 0, 'sep'), numberArgument(argument(args, kwargs, 1, 'maxsplit'), -1), false),
  rsplit: (text, args, kwargs) =>
    split(text, argument(args, kwargs, 0, 'sep'), numberArgument(argument(args, kwargs, 1, 'maxsplit'), -1), true),
  splitlines: (text, args, kwargs) => splitLines(text, argument(args, kwargs, 0, 'keepends') === true),
  partition: (text, args) => {
    const sep = textArgument(args[0], 'sep');
    const at = text.indexOf(sep);
    return at < 0 ? tupleOf(text, '', '') : tupleOf(text.slice(0, at), sep, text.slice(at + sep.length));
  },
  rpartition: (text, args) => {
    const sep = textArgument(args[0], 'sep');
    const at = text.lastIndexOf(sep);
    return at < 0 ? tupleOf('', '', text) : tupleOf(text.slice(0, at), sep, text.slice(at + sep.length));
  },
  replace: (text, args, kwargs) =>
    replaceText(
      text,
      textArgument(args[0], 'replace() argument 1'),
      textArgument(args[1], 'replace() argument 2'),
      numberArgument(argument(args, kwargs, 2, 'count'), -1),
    ),
  startswith: (text, args) => isAffix(text, args, (whole, affix) => whole.startsWith(affix)),
  endswith: (text, args) => isAffix(text, args, (whole, affix) => whole.endsWith(affix)),
  removeprefix: (text, args) => {
    const affix = textArgument(args[0], 'removeprefix()');
    return text.startsWith(affix) ? text.slice(affix.length) : text;
  },
  removesuffix: (text, args) => {
    const affix = textArgument(args[0], 'removesuffix()');
    return affix !== '' && text.endsWith(affix) ? text.slice(0, text.length - affix.length) : text;
  },
  join: (text, args) =>
    iterate(args[0] ?? null)
      .map((item, index) => textArgument(item, `sequence item ${index}`))
      .join(text),
  find: (text, args) => find(text, args, false),
  rfind: (text, args) => find(text, args, true),
  index: (text, args) => found(find(text, args, false)),
  rindex: (text, args) => found(find(text, args, true)),
  count: (text, args) => {
    const sought = textArgument(args[0], 'count()');
    return sought === '' ? lengthOf(text) + 1 : text.split(sought).length - 1;
  },
  format,
  zfill: (text, args) => {
    const sign = /^[+-]/.exec(text)?.[0] ?? '';
    return sign + text.slice(sign.length).padStart(numberArgument(args[0], 0) - sign.length, '0');
  },
  ljust: (text, args) => justify(text, args, 'left'),
  rjust: (text, args) => justify(text, args, 'right'),
  center: (text, args) => justify(text, args, 'center'),
  isdigit: (text) => /^\p{Nd}+$/u.test(text),
  isdecimal: (text) => /^\p{Nd}+$/u.test(text),
  isnumeric: (text) => /^\p{N}+$/u.test(text),
  isalpha: (text) => /^\p{L}+$/u.test(text),
  isalnum: (text) => /^[\p{L}\p{N}]+$/u.test(text),
  isspace: (text) => text !== '' && strip(text, null, true, true) === '',
  isupper: (text) => cased.test(text) && text === text.toUpperCase(),
  islower: (text) => cased.test(text) && text === text.toLowerCase(),
};

function chars(args: Value[]): string | null {
  const [signs] = args;
  return signs === undefined || signs === null ? null : textArgument(signs, 'strip()');
}

/** A text's method by its name. */
export function textMethod(text: string, name: string): Callable | undefined {
  const method = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
  return method === undefined ? undefined : new Callable(name, (args, kwargs) => method(text, args, kwargs));
}
