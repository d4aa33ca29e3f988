/** A number as people write it: groups of three digits, a decimal point or comma, an exponent. */
const NUMBER = /[-−]?(?:\d{1,3}(?:([.,])\d{3})+(?!\d)(?:(?!\1)[.,]\d+)?|\d+(?:[.,]\d+)?|[.,]\d+)(?:[eE][-+]?\d+)?/g;

/**
 * The last number in a text, or null. A comma or point between groups of three digits separates thousands where the number has
 * another sign for its decimals, or two such groups, or where it is a comma: `1,234.5`, `1.234,5`, `1.234.567`, `1,234`. A lone point
 * is a decimal point (`1.234`), and so is a comma before any other number of digits (`3,5`).
 */
export function lastNumber(text: string): number | null {
  const found = [...text.matchAll(NUMBER)].at(-1);
  if (found === undefined) return null;
  // A sign directly behind a word or a digit joins, as in "3-5" or "item-7".
  const before = text[found.index - 1] ?? '';
  const isJoined = /^[-−]/.test(found[0]) && /[\p{L}\p{N})]/u.test(before);
  return parse(isJoined ? found[0].slice(1) : found[0]);
}

function parse(written: string): number {
  const text = written.replace('−', '-');
  const points = text.split('.').length - 1;
  const commas = text.split(',').length - 1;
  const lastPoint = text.lastIndexOf('.');
  const lastComma = text.lastIndexOf(',');
  if (points > 0 && commas > 0) {
    const decimal = lastPoint > lastComma ? '.' : ',';
    const thousands = decimal === '.' ? ',' : '.';
    return Number(text.replaceAll(thousands, '').replace(decimal, '.'));
  }
  if (points > 1) return Number(text.replaceAll('.', ''));
  if (commas > 1 || /^-?\d{1,3},\d{3}(?:[eE].*)?$/.test(text)) return Number(text.replaceAll(',', ''));
  return Number(text.replace(',', '.'));
}

/** Whether the last numbers of both texts differ by no more than `tolerance`, but for the rounding of doubles. */
export function sameNumber(answer: string, expected: string, tolerance: number): boolean {
  const got = lastNumber(answer);
  const wanted = lastNumber(expected);
  if (got === null || wanted === null) return false;
  return Math.abs(got - wanted) <= tolerance + 1e-12 * Math.abs(wanted);
}
