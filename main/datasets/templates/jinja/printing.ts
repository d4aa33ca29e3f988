/** How Python writes values: str(), repr() and json.dumps(). */
import {
  Callable,
  compare,
  DictView,
  Float,
  Generator,
  Namespace,
  Safe,
  TemplateError,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

/** str(value): what `{{ value }}` prints. */
export function str(value: Value): string {
  if (typeof value === 'string') return value;
  if (value instanceof Safe) return value.text;
  return value instanceof Undefined ? '' : repr(value);
}

export function repr(value: Value): string {
  if (typeof value === 'string') return reprText(value);
  if (value instanceof Safe) return `Markup(${reprText(value.text)})`;
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value).toString() : String(value);
  if (value instanceof Float) return reprFloat(value.value);
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof Tuple) return `(${value.map(repr).join(', ')}${value.length === 1 ? ',' : ''})`;
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`;
  if (value instanceof Map) return reprDict(value);
  if (value instanceof DictView) return `dict_${value.name}([${value.items.map(repr).join(', ')}])`;
  if (value instanceof Namespace) return `<Namespace ${reprDict(value.values)}>`;
  if (value instanceof Generator) return '<generator>';
  return value instanceof Callable ? `<function ${value.name}>` : '';
}

const reprDict = (dict: ReadonlyMap<Value, Value>) =>
  `{${[...dict].map(([key, value]) => `${repr(key)}: ${repr(value)}`).join(', ')}}`;

/** A number with a point: exponents from 1e16 on and below 1e-4, and with at least two digits. */
export function reprFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [digits = '', power = '0'] = value.toExponential().split('e');
  const exponent = Number(power);
  if (exponent >= 16 || exponent < -4)
    return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  const text = exponent < -6 ? value.toFixed(20).replace(/0+$/, '') : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

const HTML: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' };

/** As markupsafe does it; what is safe already stays. */
export function escape(value: Value): Safe {
  return value instanceof Safe ? value : new Safe(str(value).replace(/[&<>"']/g, (sign) => HTML[sign]!));
}

const NAMED: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function reprText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inside = text.replace(/[\\'"]|[^\P{C}]|[^\P{Z} ]/gu, (sign) => {
    if (sign === "'" || sign === '"') return sign === quote ? `\\${sign}` : sign;
    if (NAMED[sign] !== undefined) return NAMED[sign];
    const code = sign.codePointAt(0)!;
    const hex = code.toString(16);
    return code < 0x100
      ? `\\x${hex.padStart(2, '0')}`
      : code < 0x10000
        ? `\\u${hex.padStart(4, '0')}`
        : `\\U${hex.padStart(8, '0')}`;
  });
  return `${quote}${inside}${quote}`;
}

export interface JsonOptions {
  ensure_ascii: boolean;
  /** What a level is indented by; null for one line. */
  indent: string | null;
  separators: [item: string, key: string] | null;
  sort_keys: boolean;
}

/** json.dumps, as transformers gives it to templates: nothing is escaped for HTML. @throws TemplateError */
export function toJson(value: Value, options: JsonOptions): string {
  const [item, colon] = options.separators ?? [options.indent === null ? ', ' : ',', ': '];
  const text = (content: string) => {
    const quoted = JSON.stringify(content);
    return options.ensure_ascii
      ? quoted.replace(/[\u007f-\uffff]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
      : quoted;
  };
  const list = (open: string, close: string, parts: string[], depth: number) => {
    if (parts.length === 0) return open + close;
    if (options.indent === null) return open + parts.join(item) + close;
    const end = `\n${options.indent.repeat(depth)}`;
    const start = end + options.indent;
    return open + start + parts.join(item + start) + end + close;
  };
  const key = (name: Value): string => {
    if (typeof name === 'string') return text(name);
    if (name === null || typeof name === 'number' || typeof name === 'boolean' || name instanceof Float)
      return `"${write(name, 0)}"`;
    throw new TemplateError(`keys must be str, int, float, bool or None, not ${typeName(name)}`);
  };
  const write = (part: Value, depth: number): string => {
    if (typeof part === 'string') return text(part);
    if (part === null) return 'null';
    if (typeof part === 'boolean') return String(part);
    if (typeof part === 'number') return repr(part);
    if (part instanceof Float)
      return Number.isFinite(part.value)
        ? reprFloat(part.value)
        : Number.isNaN(part.value)
          ? 'NaN'
          : part.value > 0
            ? 'Infinity'
            : '-Infinity';
    if (Array.isArray(part))
      return list(
        '[',
        ']',
        part.map((entry) => write(entry, depth + 1)),
        depth,
      );
    if (part instanceof Map) {
      const entries = [...part].map(([name, entry]) => [key(name), write(entry, depth + 1), name] as const);
      if (options.sort_keys) entries.sort(([, , a], [, , b]) => compare(a, b));
      return list(
        '{',
        '}',
        entries.map(([name, entry]) => name + colon + entry),
        depth,
      );
    }
    throw new TemplateError(`Object of type ${typeName(part)} is not JSON serializable`);
  };
  return write(value, 0);
}
