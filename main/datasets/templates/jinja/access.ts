/** a.b and a['b'], as jinja2's immutable sandbox resolves them: no method that changes a list or a dict, nothing private. */
import { textMethod } from './text-methods.ts';
import { repr } from './printing.ts';
import {
  Callable,
  DictView,
  equal,
  hasPairs,
  Namespace,
  plain,
  TemplateError,
  Tuple,
  tupleOf,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

/** `object.name`: attributes come before keys. */
export function attribute(from: Value, name: string): Value {
  const object = plain(from);
  if (object instanceof Undefined) object.fail();
  const value = own(object, name);
  if (value !== undefined) return value;
  const found = keyOf(object, name);
  return found === undefined ? missing(object, name) : found;
}

/** `object[key]`: keys come before attributes. */
export function item(from: Value, by: Value): Value {
  const [object, key] = [plain(from), plain(by)];
  if (object instanceof Undefined) object.fail();
  const value = keyOf(object, key);
  if (value !== undefined) return value;
  const found = typeof key === 'string' ? own(object, key) : undefined;
  return found === undefined ? missing(object, key) : found;
}

const missing = (object: Value, name: Value) =>
  new Undefined(
    object instanceof Map
      ? `'dict object' has no attribute ${repr(name)}`
      : `'${typeName(object)} object' has no attribute ${repr(name)}`,
  );

function keyOf(object: Value, key: Value): Value | undefined {
  if (object instanceof Map) return object.get(key);
  const at = typeof key === 'boolean' ? Number(key) : key;
  if (typeof at !== 'number') return undefined;
  if (Array.isArray(object)) return object.at(at);
  if (typeof object === 'string') return (hasPairs(object) ? Array.from(object) : object).at(at);
  return undefined;
}

function own(object: Value, name: string): Value | undefined {
  if (typeof object === 'string') return textMethod(object, name);
  if (object instanceof Namespace) return object.values.get(name);
  if (object instanceof Map) return dictMethod(object, name);
  if (Array.isArray(object)) return listMethod(object, name);
  return undefined;
}

function dictMethod(dict: Map<Value, Value>, name: string): Value | undefined {
  switch (name) {
    case 'get':
      return new Callable(name, ([key, otherwise], kwargs) => {
        if (key === undefined) throw new TemplateError('get expected at least 1 argument, got 0');
        return dict.get(key) ?? (dict.has(key) ? null : (otherwise ?? kwargs.get('default') ?? null));
      });
    case 'keys':
      return new Callable(name, () => new DictView(name, [...dict.keys()]));
    case 'values':
      return new Callable(name, () => new DictView(name, [...dict.values()]));
    case 'items':
      return new Callable(name, () => dictItems(dict));
    case 'copy':
      return new Callable(name, () => new Map(dict));
    case 'update':
    case 'pop':
    case 'popitem':
    case 'clear':
    case 'setdefault':
      return unsafe(dict, name);
    default:
      return undefined;
  }
}

export const dictItems = (dict: ReadonlyMap<Value, Value>): DictView =>
  new DictView(
    'items',
    [...dict].map(([key, value]) => tupleOf(key, value)),
  );

function listMethod(list: Value[], name: string): Value | undefined {
  switch (name) {
    case 'index':
      return new Callable(name, ([sought]) => {
        const at = list.findIndex((one) => equal(one, sought ?? null));
        if (at < 0) throw new TemplateError(`${repr(sought ?? null)} is not in list`);
        return at;
      });
    case 'count':
      return new Callable(name, ([sought]) => list.filter((one) => equal(one, sought ?? null)).length);
    case 'copy':
      return list instanceof Tuple ? undefined : new Callable(name, () => [...list]);
    case 'append':
    case 'extend':
    case 'insert':
    case 'pop':
    case 'remove':
    case 'clear':
    case 'reverse':
    case 'sort':
      return list instanceof Tuple ? undefined : unsafe(list, name);
    default:
      return undefined;
  }
}

const unsafe = (object: Value, name: string) =>
  new Undefined(`access to attribute ${repr(name)} of ${repr(typeName(object))} object is unsafe.`);
