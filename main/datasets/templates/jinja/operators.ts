/** + - * / // % ** ~ == != < <= > >= in, not in, and the signs before a value. */
import { percent } from './filters.ts';
import { tooMuch } from './limits.ts';
import { escape, str } from './printing.ts';
import { contains } from './tests.ts';
import {
  compare,
  equal,
  Float,
  numeric,
  Safe,
  TemplateError,
  truth,
  Tuple,
  tupleOf,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

/** @throws TemplateError */
export function unary(operator: string, value: Value): Value {
  if (operator === 'not') return !truth(value);
  if (value instanceof Undefined) value.fail();
  const number = numeric(value);
  if (number === undefined) throw new TemplateError(`bad operand type for unary ${operator}: '${typeName(value)}'`);
  const result = operator === '-' ? -number : number;
  return value instanceof Float ? new Float(result) : result === 0 ? 0 : result;
}

/** All but `and` and `or`. @throws TemplateError */
export function binary(operator: string, left: Value, right: Value): Value {
  switch (operator) {
    case '~':
      return str(left) + str(right);
    case '==':
      return equal(left, right);
    case '!=':
      return !equal(left, right);
    case '<':
      return compare(left, right, operator) < 0;
    case '<=':
      return compare(left, right, operator) <= 0;
    case '>':
      return compare(left, right, operator) > 0;
    case '>=':
      return compare(left, right, operator) >= 0;
    case 'in':
      return contains(right, left);
    case 'not in':
      return !contains(right, left);
    default:
      return arithmetic(operator, left, right);
  }
}

const isText = (value: Value) => typeof value === 'string' || value instanceof Safe;

function arithmetic(operator: string, left: Value, right: Value): Value {
  if (left instanceof Undefined) left.fail();
  if (operator === '+' && (left instanceof Safe || right instanceof Safe) && isText(left) && isText(right))
    return new Safe(escape(left).text + escape(right).text);
  if (typeof left === 'string' && operator === '%') return percent(left, right instanceof Tuple ? right : [right]);
  if (right instanceof Undefined) right.fail();
  const a = numeric(left);
  const b = numeric(right);
  if (a !== undefined && b !== undefined) {
    const result = calculate(operator, a, b);
    const isFloat = left instanceof Float || right instanceof Float || operator === '/' || (operator === '**' && b < 0);
    return isFloat ? new Float(result) : result;
  }
  if (operator === '+') {
    if (typeof left === 'string' && typeof right === 'string') return left + right;
    if (left instanceof Tuple && right instanceof Tuple) return tupleOf(...left, ...right);
    if (Array.isArray(left) && Array.isArray(right) && !(left instanceof Tuple) && !(right instanceof Tuple))
      return [...left, ...right];
  }
  if (operator === '*') {
    if (b !== undefined && !(right instanceof Float)) return repeated(left, b, right);
    if (a !== undefined && !(left instanceof Float)) return repeated(right, a, left);
  }
  throw unsupported(operator, left, right);
}

const unsupported = (operator: string, left: Value, right: Value) =>
  new TemplateError(`unsupported operand type(s) for ${operator}: '${typeName(left)}' and '${typeName(right)}'`);

function repeated(value: Value, times: number, by: Value): Value {
  const count = Math.max(0, times);
  const size = (typeof value === 'string' || Array.isArray(value) ? value.length : 0) * count;
  if (size > 16 * 1024 * 1024) throw tooMuch(typeof value === 'string' ? 'text' : 'lists');
  if (typeof value === 'string') return value.repeat(count);
  if (!Array.isArray(value)) throw unsupported('*', value, by);
  const items = Array.from({ length: count }, () => [...value]).flat();
  return value instanceof Tuple ? tupleOf(...items) : items;
}

function calculate(operator: string, a: number, b: number): number {
  if (b === 0 && (operator === '/' || operator === '//' || operator === '%'))
    throw new TemplateError('division by zero');
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '//':
      return Math.floor(a / b);
    case '%':
      return a - b * Math.floor(a / b);
    case '**':
      return a ** b;
    default:
      throw new TemplateError(`Unknown operator ${operator}`);
  }
}
