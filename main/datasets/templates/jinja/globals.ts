/** What a template may call: what jinja2's sandbox has, and what transformers adds. */
import { MOST_IN_RANGE, tooMuch } from './limits.ts';
import { str } from './printing.ts';
import { strftime } from './strftime.ts';
import {
  Callable,
  equal,
  iterate,
  Namespace,
  numeric,
  TemplateError,
  tupleOf,
  typeName,
  Undefined,
  type Kwargs,
  type Value,
} from './values.ts';

/** @param now what strftime_now() tells, in local time */
export function globalNames(now: Date): Map<string, Value> {
  const functions: Record<string, (args: Value[], kwargs: Kwargs) => Value> = {
    range: (args) => range(args),
    namespace: (args, kwargs) => new Namespace(dict(args, kwargs) as Map<string, Value>),
    dict,
    raise_exception: (args) => {
      throw new TemplateError(str(args[0] ?? ''));
    },
    strftime_now: (args) => strftime(now, str(args[0] ?? '')),
    joiner: (args) => {
      let used = false;
      return new Callable('joiner', () => {
        if (used) return args[0] ?? ', ';
        used = true;
        return '';
      });
    },
  };
  return new Map<string, Value>(Object.entries(functions).map(([name, call]) => [name, new Callable(name, call)]));
}

function dict(args: Value[], kwargs: Kwargs): Map<Value, Value> {
  const [source] = args;
  const result = new Map<Value, Value>();
  if (source instanceof Map) for (const [key, value] of source) result.set(key, value);
  else if (source !== undefined)
    for (const pair of iterate(source)) {
      const [key, value, ...more] = iterate(pair);
      if (key === undefined || value === undefined || more.length > 0)
        throw new TemplateError('dict() needs pairs of a key and a value');
      result.set(key, value);
    }
  for (const [key, value] of kwargs) result.set(key, value);
  return result;
}

function range(args: Value[]): number[] {
  const [from, to, step] = args.map((value) => {
    const number = value instanceof Undefined ? value.fail() : numeric(value);
    if (number === undefined || !Number.isInteger(number))
      throw new TemplateError(`'${typeName(value)}' object cannot be interpreted as an integer`);
    return number;
  });
  if (from === undefined) throw new TemplateError('range expected at least 1 argument, got 0');
  const [start, stop, by] = to === undefined ? [0, from, 1] : [from, to, step ?? 1];
  const size = Math.max(0, Math.ceil((stop - start) / by));
  if (!(size <= MOST_IN_RANGE)) throw tooMuch('lists');
  return Array.from({ length: size }, (_, index) => start + index * by);
}

/** What `loop` is in a for loop. */
export function loopVariable(items: Value[], index: number, seen: { changed?: Value[] }): Map<string, Value> {
  const size = items.length;
  return new Map<string, Value>([
    ['index', index + 1],
    ['index0', index],
    ['revindex', size - index],
    ['revindex0', size - index - 1],
    ['first', index === 0],
    ['last', index === size - 1],
    ['length', size],
    ['depth', 1],
    ['depth0', 0],
    ['previtem', index > 0 ? items[index - 1]! : new Undefined('there is no previous item')],
    ['nextitem', index < size - 1 ? items[index + 1]! : new Undefined('there is no next item')],
    [
      'cycle',
      new Callable('cycle', (args) => {
        if (args.length === 0) throw new TemplateError('no items for cycling given');
        return args[index % args.length]!;
      }),
    ],
    [
      'changed',
      new Callable('changed', (args) => {
        const now = tupleOf(...args);
        const same = seen.changed !== undefined && equal(tupleOf(...seen.changed), now);
        seen.changed = args;
        return !same;
      }),
    ],
  ]);
}
