import type { Figure, FigureName } from '../../../main/contracts/ipc.ts';

/** What of i18n's formats and texts a figure's words need. */
interface Words {
  locale: string;
  decimal: (value: number, digits?: number) => string;
  points: (points: string) => string;
}

/** One digit behind the point, so that a column of per cents lines up. */
const tenths = (value: number, { locale }: Words) =>
  value.toLocaleString(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

const NOT_SHARES: readonly FigureName[] = ['loss', 'perplexity', 'chrf'];

/** A figure's value: shares in per cent, chrF from 0 to 100, losses in nats. */
export function figureText(name: FigureName, value: number | null, words: Words): string {
  if (value === null) return '–';
  if (!NOT_SHARES.includes(name)) return `${tenths(100 * value, words)} %`;
  return name === 'chrf' ? tenths(value, words) : words.decimal(value, 4);
}

/** A difference with its sign. */
export function differenceText(name: FigureName, value: number | null, words: Words): string {
  if (value === null) return '–';
  const size = Math.abs(value);
  const sign = value === 0 ? '' : value < 0 ? '−' : '+';
  if (!NOT_SHARES.includes(name)) return sign + words.points(tenths(100 * size, words));
  return sign + (name === 'chrf' ? tenths(size, words) : words.decimal(size, 3));
}

/** What is said of a difference, and in what tone. */
export type Said = 'better' | 'worse' | 'same' | 'unclear';

export function saidOf({ judgement, difference }: Figure): Said | null {
  if (judgement === null) return null;
  return judgement.kind === 'unclear' && difference === 0 ? 'same' : judgement.kind;
}

/** Two digits are as much as an estimate of rows has. */
export function roundedUp(rows: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(rows)) - 1);
  return Math.ceil(rows / unit) * unit;
}
