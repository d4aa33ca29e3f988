/** Arguments of filters, by place or by name. */
import { numeric, TemplateError, typeName, Undefined, type Kwargs, type Value } from './values.ts';

export type Filter = (value: Value, args: Value[], kwargs: Kwargs) => Value;

/** An argument by place or name; undefined when it isn't given. */
export const given = (args: Value[], kwargs: Kwargs, place: number, name: string): Value | undefined =>
  args.length > place ? args[place] : kwargs.get(name);

export function wholeNumber(value: Value | undefined, otherwise: number): number {
  if (value === undefined || value === null) return otherwise;
  const number = value instanceof Undefined ? value.fail() : numeric(value);
  if (number === undefined) throw new TemplateError(`'${typeName(value)}' object cannot be interpreted as an integer`);
  return Math.trunc(number);
}
