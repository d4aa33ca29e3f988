import type { Figure, FigureName } from '../contracts/shapes/evaluation.ts';

/** Figures that are shares of rows or of what a row holds. */
const SHARES: ReadonlySet<FigureName> = new Set([
  'exact_match',
  'token_f1',
  'rouge_l',
  'regex',
  'json_valid',
  'json_schema',
  'number',
  'multiple_choice',
  'multiple_choice_normalised',
]);

/** A figure's value as a person reads it: shares in per cent, chrF from 0 to 100, a loss in nats a token. */
export function shown(name: FigureName, value: number): string {
  if (SHARES.has(name)) return `${(100 * value).toFixed(1)} %`;
  return name === 'chrf' ? value.toFixed(1) : name === 'perplexity' ? value.toFixed(3) : value.toFixed(4);
}

/** A difference with its sign, in points where the figure is in per cent. */
export function shownDifference(name: FigureName, value: number): string {
  const sign = value === 0 ? '' : value < 0 ? '−' : '+';
  const size = Math.abs(value);
  return `${sign}${SHARES.has(name) ? `${(100 * size).toFixed(1)} points` : shown(name, size)}`;
}

/** What a figure says, in plain English. */
export function sentenceOf(figure: Figure): string {
  const { name, rows, base, tuned, difference, low, high, judgement } = figure;
  const over = `${rows.toLocaleString('en-US')} ${rows === 1 ? 'row' : 'rows'}`;
  if (tuned === null || difference === null || judgement === null) return `${shown(name, base)} over ${over}`;
  const lowest = shownDifference(name, low!).replace(' points', '');
  const interval = `95 % interval ${lowest} to ${shownDifference(name, high!)}`;
  const values = `${shown(name, base)} before, ${shown(name, tuned)} after: ${shownDifference(name, difference)} (${interval}, ${over})`;
  if (judgement.kind === 'better') return `Better. ${values}.`;
  if (judgement.kind === 'worse') return `Worse. ${values}.`;
  if (difference === 0) return `No difference seen. ${values}.`;
  const needed =
    judgement.rows_needed === null
      ? 'so small a difference would not show in a million rows'
      : `about ${roundUp(judgement.rows_needed).toLocaleString('en-US')} rows would probably tell`;
  return `Not enough rows to tell. ${values}; ${needed}.`;
}

/** Two digits are as much as such an estimate has. */
export function roundUp(rows: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(rows)) - 1);
  return Math.ceil(rows / unit) * unit;
}
