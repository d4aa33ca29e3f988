/** jinja2's filters: what stands behind `|`. Those that make lists are in list-filters.ts. */
import { attribute } from './access.ts';
import { given, wholeNumber, type Filter } from './arguments.ts';
import { getter, LIST_FILTERS } from './list-filters.ts';
import { escape, repr, str, toJson } from './printing.ts';
import { capitalize, replaceText, splitLines, strip, textMethod } from './text-methods.ts';
import {
  Float,
  Generator,
  iterate,
  lengthOf,
  Namespace,
  numeric,
  plain,
  Safe,
  TemplateError,
  truth,
  typeName,
  Undefined,
  type Kwargs,
  type Value,
} from './values.ts';

function number(value: Value, what: string): number {
  const result = value instanceof Undefined ? value.fail() : numeric(value);
  if (result === undefined) throw new TemplateError(`bad operand type for ${what}: '${typeName(value)}'`);
  return result;
}

function indent(text: string, args: Value[], kwargs: Kwargs): string {
  const width = given(args, kwargs, 0, 'width') ?? 4;
  const indention = typeof width === 'string' ? width : ' '.repeat(wholeNumber(width, 4));
  const first = truth(given(args, kwargs, 1, 'first') ?? false);
  const blank = truth(given(args, kwargs, 2, 'blank') ?? false);
  const [start = '', ...rest] = splitLines(`${text}\n`);
  const lines = rest.map((line) => `\n${line !== '' || blank ? indention : ''}${line}`);
  return (first ? indention : '') + start + lines.join('');
}

function toInt(value: Value, otherwise: Value, base: number): Value {
  if (value instanceof Undefined) value.fail();
  const known = numeric(value);
  if (known !== undefined) return Number.isFinite(known) ? Math.trunc(known) : otherwise;
  if (typeof value !== 'string') return otherwise;
  const text = strip(value, null, true, true).replace(/(?<=\d)_(?=\d)/g, '');
  if (base === 10 && /^[+-]?\d+$/.test(text)) return Number(text);
  if (base !== 10 && /^[+-]?(0[xob])?[\da-z]+$/i.test(text)) {
    const parsed = parseInt(text.replace(/^([+-]?)0[xob]/i, '$1'), base);
    if (!Number.isNaN(parsed)) return parsed;
  }
  const float = toFloat(text, null);
  return float instanceof Float && Number.isFinite(float.value) ? Math.trunc(float.value) : otherwise;
}

function toFloat(value: Value, otherwise: Value): Value {
  if (value instanceof Undefined) value.fail();
  const known = numeric(value);
  if (known !== undefined) return new Float(known);
  if (typeof value !== 'string') return otherwise;
  const text = strip(value, null, true, true);
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? new Float(Number(text)) : otherwise;
}

function round(value: Value, digits: number, method: string): Float {
  const scaled = number(value, 'round()') * 10 ** digits;
  if (method === 'ceil' || method === 'floor') return new Float(Math[method](scaled) / 10 ** digits);
  // Python rounds halves to even.
  const low = Math.floor(scaled);
  const rest = scaled - low;
  const rounded = rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
  return new Float(rounded / 10 ** digits);
}

/** `"%s: %d" % (a, b)`, without widths. */
export function percent(text: string, args: Value[]): string {
  let next = 0;
  const result = text.replace(/%([sdir%])|%/g, (sign, kind: string | undefined) => {
    if (kind === '%') return '%';
    const value = args[next++];
    if (kind === undefined || value === undefined)
      throw new TemplateError(`This kind of formatting is not supported: ${text}`);
    if (kind === 'd' || kind === 'i') return String(Math.trunc(number(value, '%d')));
    return kind === 'r' ? repr(value) : str(value);
  });
  if (next < args.length) throw new TemplateError('not all arguments converted during string formatting');
  return result;
}

const truncate: Filter = (value, args, kwargs) => {
  const text = Array.from(str(value));
  const length = wholeNumber(given(args, kwargs, 0, 'length'), 255);
  const end = str(given(args, kwargs, 2, 'end') ?? '...');
  const leeway = wholeNumber(given(args, kwargs, 3, 'leeway'), 5);
  if (text.length <= length + leeway) return text.join('');
  const kept = text.slice(0, length - end.length).join('');
  if (truth(given(args, kwargs, 1, 'killwords') ?? false)) return kept + end;
  const at = kept.lastIndexOf(' ');
  return (at < 0 ? kept : kept.slice(0, at)) + end;
};

const json: Filter = (value, args, kwargs) => {
  const separators = given(args, kwargs, 2, 'separators') ?? null;
  const indention = given(args, kwargs, 1, 'indent') ?? null;
  if (separators !== null && !(Array.isArray(separators) && separators.length === 2))
    throw new TemplateError('separators must be a pair');
  return toJson(value, {
    ensure_ascii: truth(given(args, kwargs, 0, 'ensure_ascii') ?? false),
    indent:
      indention === null ? null : typeof indention === 'string' ? indention : ' '.repeat(wholeNumber(indention, 0)),
    separators: separators === null ? null : [str(separators[0]!), str(separators[1]!)],
    sort_keys: truth(given(args, kwargs, 3, 'sort_keys') ?? false),
  });
};

const orElse: Filter = (value, args, kwargs) => {
  const named = given(args, kwargs, 0, 'default_value');
  const otherwise = named === undefined ? '' : named;
  const isOff = truth(given(args, kwargs, 1, 'boolean') ?? false) && !truth(value);
  return value instanceof Undefined || isOff ? otherwise : value;
};

function map(value: Value, args: Value[], kwargs: Kwargs): Value {
  // Without a list there is nothing to map: None and what is missing pass.
  if (!truth(value)) return new Generator([]);
  if (args.length === 0) {
    const path = kwargs.get('attribute');
    if (path === undefined) throw new TemplateError('map requires a filter argument');
    return new Generator(iterate(value).map(getter(path, kwargs.get('default'))));
  }
  const [name, ...more] = args;
  return new Generator(iterate(value).map((one) => runFilter(str(name!), one, more, kwargs)));
}

const FILTERS: Record<string, Filter> = {
  ...LIST_FILTERS,
  abs: (value) => {
    const size = Math.abs(number(value, 'abs()'));
    return value instanceof Float ? new Float(size) : size;
  },
  attr: (value, [name]) => {
    if (!(value instanceof Namespace) && typeof value !== 'string')
      return new Undefined(`'${typeName(value)} object' has no attribute ${repr(name ?? null)}`);
    return attribute(value, str(name ?? ''));
  },
  capitalize: (value) => capitalize(str(value)),
  center: (value, args, kwargs) =>
    textMethod(str(value), 'center')!.call([given(args, kwargs, 0, 'width') ?? 80], new Map()),
  d: orElse,
  default: orElse,
  e: (value) => escape(value),
  escape: (value) => escape(value),
  float: (value, args, kwargs) => toFloat(value, given(args, kwargs, 0, 'default') ?? new Float(0)),
  forceescape: (value) => escape(str(value)),
  format: (value, args) => percent(str(value), args),
  indent: (value, args, kwargs) => indent(str(value), args, kwargs),
  int: (value, args, kwargs) =>
    toInt(value, given(args, kwargs, 0, 'default') ?? 0, wholeNumber(given(args, kwargs, 1, 'base'), 10)),
  count: lengthOf,
  length: lengthOf,
  lower: (value) => str(value).toLowerCase(),
  map,
  replace: (value, args, kwargs) =>
    replaceText(
      str(value),
      str(given(args, kwargs, 0, 'old') ?? ''),
      str(given(args, kwargs, 1, 'new') ?? ''),
      wholeNumber(given(args, kwargs, 2, 'count'), -1),
    ),
  round: (value, args, kwargs) =>
    round(
      value,
      wholeNumber(given(args, kwargs, 0, 'precision'), 0),
      str(given(args, kwargs, 1, 'method') ?? 'common'),
    ),
  safe: (value) => new Safe(str(value)),
  string: str,
  striptags: (value) =>
    str(value)
      .replace(/<!--.*?-->|<[^>]*>/gs, '')
      .split(/\s+/)
      .filter((word) => word !== '')
      .join(' '),
  title: (value) =>
    str(value)
      .split(/([-\s({[<]+)/)
      .map(capitalize)
      .join(''),
  tojson: json,
  trim: (value, args, kwargs) => {
    const chars = given(args, kwargs, 0, 'chars') ?? null;
    return strip(str(value), chars === null ? null : str(chars), true, true);
  },
  truncate,
  upper: (value) => str(value).toUpperCase(),
  urlencode: (value) =>
    encodeURIComponent(str(value))
      .replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll('%2F', '/'),
  wordcount: (value) => (str(value).match(/[\p{L}\p{N}_]+/gu) ?? []).length,
};

const SAFE_STAYS = new Set(['d', 'default', 'e', 'escape']);

/** @throws TemplateError when there is no such filter, or the value can't pass it */
export function runFilter(name: string, value: Value, args: Value[], kwargs: Kwargs): Value {
  const filter = Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined;
  if (filter === undefined) throw new TemplateError(`No filter named '${name}'.`);
  return filter(SAFE_STAYS.has(name) ? value : plain(value), args, kwargs);
}
