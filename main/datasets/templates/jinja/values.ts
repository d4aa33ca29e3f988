/**
 * Python's values as templates see them. Text, booleans and whole numbers are JavaScript's own, None is null, a list is an array, a
 * dict is a Map; what JavaScript has no word for is a class here.
 */

/** What a template's author or data did wrong, in the words that Python would use where these help. */
export class TemplateError extends Error {}

/** A number with a point; whole numbers are JavaScript's. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** What a name or key that isn't there gives: empty when printed, false, and an error in most other places. */
export class Undefined {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
  fail(): never {
    throw new TemplateError(this.reason);
  }
}

export class Tuple extends Array<Value> {}

export function tupleOf(...items: Value[]): Tuple {
  const tuple = new Tuple();
  tuple.push(...items);
  return tuple;
}

/** Text that `safe` or `escape` went over: what is joined to it with + is escaped for HTML. */
export class Safe {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** What map, select and their kind give: true even when empty, without a length, and gone once it was read. */
export class Generator {
  private items: Value[];
  constructor(items: Value[]) {
    this.items = items;
  }
  get size(): number {
    return this.items.length;
  }
  take(): Value[] {
    const items = this.items;
    this.items = [];
    return items;
  }
  /** The first item alone, as next() takes it. */
  next(): Value | undefined {
    return this.items.shift();
  }
}

/** What a dict's keys(), values() and items() give: has a length, but no places. */
export class DictView {
  readonly name: string;
  readonly items: Value[];
  constructor(name: string, items: Value[]) {
    this.name = name;
    this.items = items;
  }
}

export class Namespace {
  readonly values: Map<string, Value>;
  constructor(values: Map<string, Value>) {
    this.values = values;
  }
}

export type Kwargs = ReadonlyMap<string, Value>;

export class Callable {
  readonly name: string;
  readonly call: (args: Value[], kwargs: Kwargs) => Value;
  constructor(name: string, call: (args: Value[], kwargs: Kwargs) => Value) {
    this.name = name;
    this.call = call;
  }
}

export type Value =
  | string
  | number
  | boolean
  | null
  | Float
  | Undefined
  | Safe
  | Value[]
  | Map<Value, Value>
  | Generator
  | DictView
  | Namespace
  | Callable;

/** From what JSON can hold. A whole number written with a point, such as 1.0, can't be told from 1 any more. */
export function fromJson(input: unknown): Value {
  if (input === null || input === undefined) return null;
  if (typeof input === 'string' || typeof input === 'boolean') return input;
  if (typeof input === 'number') return Number.isInteger(input) ? input : new Float(input);
  if (Array.isArray(input)) return input.map(fromJson);
  if (typeof input === 'object') return new Map(Object.entries(input).map(([key, value]) => [key, fromJson(value)]));
  throw new TemplateError(`A ${typeof input} is nothing that a template can be given.`);
}

export function typeName(value: Value): string {
  if (value === null) return 'NoneType';
  if (typeof value === 'string') return 'str';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return 'int';
  if (value instanceof Float) return 'float';
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof Tuple) return 'tuple';
  if (Array.isArray(value)) return 'list';
  if (value instanceof Map) return 'dict';
  if (value instanceof Generator) return 'generator';
  if (value instanceof DictView) return `dict_${value.name}`;
  if (value instanceof Safe) return 'Markup';
  return value instanceof Namespace ? 'Namespace' : 'function';
}

/** The text alone, where nothing depends on whether it is safe. */
export const plain = (value: Value): Value => (value instanceof Safe ? value.text : value);

export function truth(given: Value): boolean {
  const value = plain(given);
  if (value === null || value instanceof Undefined) return false;
  if (typeof value === 'string' || Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  if (value instanceof Float) return value.value !== 0;
  if (value instanceof DictView) return value.items.length > 0;
  return typeof value === 'object' ? true : Boolean(value);
}

/** A number's value, also that of a boolean; undefined when it is none. */
export function numeric(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  return value instanceof Float ? value.value : undefined;
}

export function equal(left: Value, right: Value): boolean {
  const [a, b] = [plain(left), plain(right)];
  if (a === b) return true;
  const x = numeric(a);
  const y = numeric(b);
  if (x !== undefined && y !== undefined) return x === y;
  if (Array.isArray(a) && Array.isArray(b))
    return (
      a instanceof Tuple === b instanceof Tuple &&
      a.length === b.length &&
      a.every((item, index) => equal(item, b[index]!))
    );
  if (a instanceof Map && b instanceof Map)
    return a.size === b.size && [...a].every(([key, value]) => b.has(key) && equal(value, b.get(key)!));
  return a instanceof Undefined && b instanceof Undefined;
}

/** Below, at or above zero, as a sorts before, with or behind b. @throws TemplateError where Python can't order them */
export function compare(left: Value, right: Value, operator = '<'): number {
  const [a, b] = [plain(left), plain(right)];
  const x = numeric(a);
  const y = numeric(b);
  if (x !== undefined && y !== undefined) return x - y;
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  if (Array.isArray(a) && Array.isArray(b) && a instanceof Tuple === b instanceof Tuple) {
    for (let index = 0; index < Math.min(a.length, b.length); index++)
      if (!equal(a[index]!, b[index]!)) return compare(a[index]!, b[index]!, operator);
    return a.length - b.length;
  }
  if (a instanceof Undefined) a.fail();
  if (b instanceof Undefined) b.fail();
  throw new TemplateError(`'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`);
}

/** By code points; JavaScript's own order is by UTF-16 units. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const x = Array.from(a);
  const y = Array.from(b);
  for (let index = 0; index < Math.min(x.length, y.length); index++)
    if (x[index] !== y[index]) return x[index]!.codePointAt(0)! - y[index]!.codePointAt(0)!;
  return x.length - y.length;
}

/** The items that a for loop sees. @throws TemplateError */
export function iterate(given: Value): Value[] {
  const value = plain(given);
  if (Array.isArray(value)) return value;
  if (typeof value === 'string') return Array.from(value);
  if (value instanceof Map) return [...value.keys()];
  if (value instanceof Generator) return value.take();
  if (value instanceof DictView) return value.items;
  if (value instanceof Undefined) return [];
  throw new TemplateError(`'${typeName(value)}' object is not iterable`);
}

/** @throws TemplateError */
export function lengthOf(value: Value): number {
  if (typeof value === 'string') return hasPairs(value) ? Array.from(value).length : value.length;
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  if (value instanceof DictView) return value.items.length;
  if (value instanceof Undefined) return 0;
  throw new TemplateError(`object of type '${typeName(value)}' has no len()`);
}

/** Whether a text holds characters of two UTF-16 units, which Python counts as one. */
export const hasPairs = (text: string): boolean => /[\ud800-\udbff]/.test(text);
