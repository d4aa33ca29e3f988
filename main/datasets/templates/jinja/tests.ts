/** jinja2's tests: what stands behind `is`. */
import { str } from './printing.ts';
import { textMethod } from './text-methods.ts';
import {
  Callable,
  compare,
  DictView,
  equal,
  Float,
  Generator,
  iterate,
  numeric,
  plain,
  TemplateError,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

type Test = (value: Value, args: Value[]) => boolean;

function integer(value: Value): number {
  const number = value instanceof Undefined ? value.fail() : numeric(value);
  if (number === undefined)
    throw new TemplateError(`unsupported operand type(s) for %: '${typeName(value)}' and 'int'`);
  return number;
}

const isCase = (value: Value, method: string) => textMethod(str(value), method)?.call([], new Map()) === true;

const other = (args: Value[]): Value => {
  if (args[0] === undefined) throw new TemplateError('a test lacks its argument');
  return args[0];
};

/** `value in container`. @throws TemplateError */
export function contains(holder: Value, sought: Value): boolean {
  const [container, value] = [plain(holder), plain(sought)];
  if (typeof container === 'string') {
    if (typeof value === 'string') return container.includes(value);
    throw new TemplateError(`'in <string>' requires string as left operand, not ${typeName(value)}`);
  }
  if (container instanceof Map) return container.has(value);
  return iterate(container).some((one) => equal(one, value));
}

const isText = (value: Value): value is string => typeof value === 'string';
const isIterable = (value: Value) =>
  isText(value) ||
  Array.isArray(value) ||
  value instanceof Map ||
  value instanceof DictView ||
  value instanceof Generator ||
  value instanceof Undefined;

const eq: Test = (value, args) => equal(value, other(args));
const ne: Test = (value, args) => !equal(value, other(args));
const gt: Test = (value, args) => compare(value, other(args), '>') > 0;
const ge: Test = (value, args) => compare(value, other(args), '>=') >= 0;
const lt: Test = (value, args) => compare(value, other(args), '<') < 0;
const le: Test = (value, args) => compare(value, other(args), '<=') <= 0;

const TESTS: Record<string, Test> = {
  odd: (value) => Math.abs(integer(value) % 2) === 1,
  even: (value) => integer(value) % 2 === 0,
  divisibleby: (value, args) => integer(value) % integer(other(args)) === 0,
  defined: (value) => !(value instanceof Undefined),
  undefined: (value) => value instanceof Undefined,
  none: (value) => value === null,
  boolean: (value) => typeof value === 'boolean',
  true: (value) => value === true,
  false: (value) => value === false,
  integer: (value) => typeof value === 'number',
  float: (value) => value instanceof Float,
  number: (value) => numeric(value) !== undefined,
  string: isText,
  mapping: (value) => value instanceof Map,
  sequence: (value) => isText(value) || Array.isArray(value) || value instanceof Map || value instanceof Undefined,
  iterable: isIterable,
  callable: (value) => value instanceof Callable || value instanceof Undefined,
  lower: (value) => isCase(value, 'islower'),
  upper: (value) => isCase(value, 'isupper'),
  sameas: (value, args) => {
    const that = other(args);
    return value === that || (value instanceof Float && that instanceof Float && value.value === that.value);
  },
  escaped: () => false,
  in: (value, args) => contains(other(args), value),
  eq,
  '==': eq,
  equalto: eq,
  ne,
  '!=': ne,
  gt,
  '>': gt,
  greaterthan: gt,
  ge,
  '>=': ge,
  lt,
  '<': lt,
  lessthan: lt,
  le,
  '<=': le,
};

/** @throws TemplateError when there is no such test, or the value can't be asked that */
export function runTest(name: string, value: Value, args: Value[]): boolean {
  const test = Object.hasOwn(TESTS, name) ? TESTS[name] : undefined;
  if (test === undefined) throw new TemplateError(`No test named '${name}'.`);
  return test(plain(value), args);
}
