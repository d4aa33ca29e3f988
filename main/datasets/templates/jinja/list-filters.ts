/** jinja2's filters that take or make lists. */
import { dictItems, item } from './access.ts';
import { given, wholeNumber, type Filter } from './arguments.ts';
import { str } from './printing.ts';
import { runTest } from './tests.ts';
import {
  compare,
  DictView,
  equal,
  Float,
  Generator,
  iterate,
  numeric,
  TemplateError,
  truth,
  tupleOf,
  typeName,
  Undefined,
  type Kwargs,
  type Value,
} from './values.ts';

/** What `attribute=` names of a value, such as 'function.name' or 0. */
export function getter(path: Value | undefined, otherwise?: Value): (value: Value) => Value {
  if (path === undefined || path === null) return (value) => value;
  const steps =
    typeof path === 'number'
      ? [path]
      : str(path)
          .split('.')
          .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
  return (value) =>
    steps.reduce<Value>((found, step) => {
      const next = item(found, step);
      return next instanceof Undefined && otherwise !== undefined ? otherwise : next;
    }, value);
}

const fold = (value: Value, caseSensitive: boolean) =>
  typeof value === 'string' && !caseSensitive ? value.toLowerCase() : value;

/** Sorts without regard to case unless told to, and keeps what is alike in its order. */
function sorted(items: Value[], key: (value: Value) => Value, reverse: boolean, caseSensitive: boolean): Value[] {
  const keyed = items.map((value) => [fold(key(value), caseSensitive), value] as const);
  const sign = reverse ? -1 : 1;
  return keyed.sort(([a], [b]) => sign * compare(a, b)).map(([, value]) => value);
}

const flag = (args: Value[], kwargs: Kwargs, place: number, name: string) =>
  truth(given(args, kwargs, place, name) ?? false);

function dictsort(value: Value, args: Value[], kwargs: Kwargs): Value {
  if (!(value instanceof Map)) throw new TemplateError(`'${typeName(value)} object' has no attribute 'items'`);
  const by = given(args, kwargs, 1, 'by') ?? 'key';
  if (by !== 'key' && by !== 'value') throw new TemplateError('You can only sort by either "key" or "value"');
  return sorted(
    dictItems(value).items,
    (pair) => (pair as Value[])[by === 'key' ? 0 : 1]!,
    flag(args, kwargs, 2, 'reverse'),
    flag(args, kwargs, 0, 'case_sensitive'),
  );
}

/** select, reject, selectattr and rejectattr. */
function choose(keep: boolean, byAttribute: boolean): Filter {
  return (value, args) => {
    if (!truth(value)) return new Generator([]);
    const get = byAttribute ? getter(args[0]) : (one: Value) => one;
    const [name, ...more] = byAttribute ? args.slice(1) : args;
    return new Generator(
      iterate(value).filter((one) => {
        const what = get(one);
        return (name === undefined ? truth(what) : runTest(str(name), what, more)) === keep;
      }),
    );
  };
}

function extreme(sign: 1 | -1): Filter {
  return (value, args, kwargs) => {
    const key = getter(given(args, kwargs, 1, 'attribute'));
    const caseSensitive = flag(args, kwargs, 0, 'case_sensitive');
    const items = iterate(value);
    if (items.length === 0) return new Undefined('No aggregated item, sequence was empty.');
    return items.reduce((best, one) =>
      sign * compare(fold(key(one), caseSensitive), fold(key(best), caseSensitive)) < 0 ? one : best,
    );
  };
}

function unique(value: Value, args: Value[], kwargs: Kwargs): Value {
  const key = getter(given(args, kwargs, 1, 'attribute'));
  const caseSensitive = flag(args, kwargs, 0, 'case_sensitive');
  const seen: Value[] = [];
  return new Generator(
    iterate(value).filter((one) => {
      const mark = fold(key(one), caseSensitive);
      if (seen.some((other) => equal(other, mark))) return false;
      seen.push(mark);
      return true;
    }),
  );
}

function groupby(value: Value, args: Value[], kwargs: Kwargs): Value {
  const key = getter(given(args, kwargs, 0, 'attribute'), given(args, kwargs, 1, 'default'));
  const caseSensitive = flag(args, kwargs, 2, 'case_sensitive');
  const groups: Value[][] = [];
  for (const one of sorted(iterate(value), key, false, caseSensitive)) {
    const name = key(one);
    const last = groups.at(-1);
    if (last !== undefined && equal(fold(last[0]!, caseSensitive), fold(name, caseSensitive)))
      (last[1] as Value[]).push(one);
    else groups.push(tupleOf(name, [one]));
  }
  return groups;
}

function sum(value: Value, args: Value[], kwargs: Kwargs): Value {
  const items = iterate(value).map(getter(given(args, kwargs, 0, 'attribute')));
  const all = [given(args, kwargs, 1, 'start') ?? 0, ...items];
  const total = all.reduce<number>((result, one) => {
    const number = numeric(one);
    if (number === undefined)
      throw new TemplateError(`unsupported operand type(s) for +: 'int' and '${typeName(one)}'`);
    return result + number;
  }, 0);
  return all.some((one) => one instanceof Float) ? new Float(total) : total;
}

function batch(value: Value, args: Value[], kwargs: Kwargs): Value {
  const size = wholeNumber(given(args, kwargs, 0, 'linecount'), 1);
  const fill = given(args, kwargs, 1, 'fill_with') ?? null;
  const items = iterate(value);
  const rows: Value[][] = [];
  for (let at = 0; at < items.length; at += size) rows.push(items.slice(at, at + size));
  const last = rows.at(-1);
  while (last !== undefined && fill !== null && last.length < size) last.push(fill);
  return new Generator(rows);
}

function slices(value: Value, args: Value[], kwargs: Kwargs): Value {
  const count = wholeNumber(given(args, kwargs, 0, 'slices'), 1);
  const fill = given(args, kwargs, 1, 'fill_with') ?? null;
  const items = iterate(value);
  const size = Math.floor(items.length / count);
  const longer = items.length % count;
  const rows = Array.from({ length: count }, (_, index) => {
    const from = index * size + Math.min(index, longer);
    const row = items.slice(from, from + size + (index < longer ? 1 : 0));
    return fill !== null && index >= longer && longer > 0 ? [...row, fill] : row;
  });
  return new Generator(rows);
}

const orNothing = (value: Value | undefined) =>
  value === undefined ? new Undefined('No such item, sequence was empty.') : value;

export const LIST_FILTERS: Record<string, Filter> = {
  batch,
  dictsort,
  first: (value) => orNothing(value instanceof Generator ? value.next() : iterate(value)[0]),
  groupby,
  items: (value) => {
    if (value instanceof Undefined) return new Generator([]);
    if (!(value instanceof Map)) throw new TemplateError('Can only get item pairs from a mapping.');
    return new Generator(dictItems(value).items);
  },
  join: (value, args, kwargs) =>
    iterate(value)
      .map(getter(given(args, kwargs, 1, 'attribute')))
      .map(str)
      .join(str(given(args, kwargs, 0, 'd') ?? '')),
  last: (value) => {
    if (value instanceof Generator) throw new TemplateError("'generator' object is not reversible");
    return orNothing(iterate(value).at(-1));
  },
  list: (value) => [...iterate(value)],
  max: extreme(-1),
  min: extreme(1),
  reject: choose(false, false),
  rejectattr: choose(false, true),
  reverse: (value) => {
    if (typeof value === 'string') return Array.from(value).reverse().join('');
    if (!(Array.isArray(value) || value instanceof Map || value instanceof DictView))
      throw new TemplateError('argument must be iterable');
    return new Generator([...iterate(value)].reverse());
  },
  select: choose(true, false),
  selectattr: choose(true, true),
  slice: slices,
  sort: (value, args, kwargs) =>
    sorted(
      [...iterate(value)],
      getter(given(args, kwargs, 2, 'attribute')),
      flag(args, kwargs, 0, 'reverse'),
      flag(args, kwargs, 1, 'case_sensitive'),
    ),
  sum,
  unique,
};
