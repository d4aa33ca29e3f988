export type Locale = 'en' | 'es';
export const LOCALES = ['en', 'es'] as const satisfies readonly Locale[];

/** What stands where a number is not known yet. */
const UNKNOWN = '–';

type Maybe = number | null | undefined;

const isKnown = (value: Maybe): value is number => value !== null && value !== undefined && Number.isFinite(value);

/** Writes numbers, sizes, times and dates in one language, with their units. */
export interface Format {
  locale: Locale;
  /** A count, in full: 12,345. */
  integer(value: Maybe): string;
  /** A measured value with a number of significant digits (default 4): 0.8123. */
  decimal(value: Maybe, digits?: number): string;
  /** A large count in short: 135M. */
  compact(value: Maybe): string;
  /** A share (0 to 1) in per cent, one digit after the point below 10 %. */
  percent(share: Maybe): string;
  /** A size in bytes, in the largest fitting binary unit: 1.2 GB. */
  bytes(value: Maybe): string;
  /** A length of time in ms, in its two largest units: 2 min 5 s. */
  duration(ms: Maybe): string;
  /** A length of time in ms that is only estimated, rounded to what can be known: 26 min. */
  roughDuration(ms: Maybe): string;
  /** A rate of tokens: 512 tok/s. */
  tokensPerSecond(value: Maybe): string;
  /** A setting as people write it: 2e-4 for small numbers, no digits that say nothing. */
  setting(value: Maybe): string;
  /** A small number that is read from an axis, with two digits: 1.5e-4; zero stays zero. */
  scientific(value: Maybe): string;
  /** A date and time (ms since 1970). */
  dateTime(ms: Maybe): string;
  /** A time of the day (ms since 1970), to the second. */
  timeOfDay(ms: Maybe): string;
  /** How long ago a time (ms since 1970) was, in one unit: 3 hours ago. */
  ago(ms: Maybe, now?: number): string;
  /** A list of names: a, b and c. */
  list(items: readonly string[]): string;
  /** Chooses the form for a count, with the count written in: one row, 12 rows. `#` in a form becomes the count. */
  plural(count: number, forms: { one: string; other: string }): string;
}

const SIZE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

const AGO_STEPS: readonly [unit: Intl.RelativeTimeFormatUnit, ms: number][] = [
  ['year', 31_557_600_000],
  ['month', 2_629_800_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

/** From which length on (ms) an estimate is rounded to which step. */
const ROUGH_STEPS: readonly [above_ms: number, step_ms: number][] = [
  [86_400_000, 3_600_000],
  [3_600_000, 600_000],
  [600_000, 60_000],
  [120_000, 30_000],
  [20_000, 5000],
];

/** Makes the formats of a language; they are kept, since making an Intl object is slow. */
export function createFormat(locale: Locale): Format {
  // Spanish groups four digits too here, so that columns line up.
  const integers = new Intl.NumberFormat(locale, { maximumFractionDigits: 0, useGrouping: 'always' } as object);
  const compacts = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
  const sizes = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3, useGrouping: false });
  const percents = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });
  const smallPercents = new Intl.NumberFormat(locale, { style: 'percent', maximumSignificantDigits: 2 });
  const dates = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  const times = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const lists = new Intl.ListFormat(locale, { type: 'conjunction' });
  const rules = new Intl.PluralRules(locale);
  const point = sizes.formatToParts(1.5).find(({ type }) => type === 'decimal')?.value ?? '.';
  const decimals = new Map<number, Intl.NumberFormat>();

  function decimal(value: Maybe, digits = 4): string {
    if (!isKnown(value)) return UNKNOWN;
    let format = decimals.get(digits);
    if (format === undefined) {
      format = new Intl.NumberFormat(locale, { maximumSignificantDigits: digits, useGrouping: 'always' } as object);
      decimals.set(digits, format);
    }
    return format.format(value);
  }

  const integer = (value: Maybe) => (isKnown(value) ? integers.format(value) : UNKNOWN);

  function duration(ms: Maybe): string {
    if (!isKnown(ms)) return UNKNOWN;
    const seconds = Math.max(0, ms) / 1000;
    if (seconds < 10) return `${sizes.format(Number(seconds.toPrecision(2)))} s`;
    const whole = Math.round(seconds);
    const days = Math.floor(whole / 86_400);
    const hours = Math.floor((whole % 86_400) / 3600);
    const minutes = Math.floor((whole % 3600) / 60);
    if (days > 0) return `${integer(days)} d ${hours} h`;
    if (hours > 0) return `${hours} h ${minutes} min`;
    return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
  }

  return {
    locale,
    integer,
    decimal,
    // K, M and B as model names have them, in both languages; the point is the language's own.
    compact: (value) => (isKnown(value) ? compacts.format(value).replace('.', point) : UNKNOWN),
    percent(share) {
      if (!isKnown(share)) return UNKNOWN;
      return Math.abs(share) < 0.0995 ? smallPercents.format(share) : percents.format(share);
    },
    bytes(value) {
      if (!isKnown(value)) return UNKNOWN;
      let size = Math.abs(value);
      let unit = 0;
      while (size >= 1000 && unit < SIZE_UNITS.length - 1) {
        size /= 1024;
        unit += 1;
      }
      return `${sizes.format(Math.sign(value) * size)} ${SIZE_UNITS[unit]!}`;
    },
    duration,
    roughDuration(ms) {
      if (!isKnown(ms)) return UNKNOWN;
      const step = ROUGH_STEPS.find(([above]) => ms >= above)?.[1] ?? 1000;
      return duration(Math.max(step, Math.round(ms / step) * step)).replace(/ 0 (s|min|h)$/, '');
    },
    tokensPerSecond: (value) => (isKnown(value) ? `${integer(Math.round(value))} tok/s` : UNKNOWN),
    setting(value) {
      if (!isKnown(value)) return UNKNOWN;
      if (value !== 0 && Math.abs(value) < 0.001) {
        const [digits, exponent] = value.toExponential().split('e');
        return `${decimal(Number(digits), 12)}e${exponent}`;
      }
      return decimal(value, 12);
    },
    scientific(value) {
      if (!isKnown(value)) return UNKNOWN;
      if (value === 0) return '0';
      const [digits, exponent] = value.toExponential(1).split('e');
      return `${decimal(Number(digits), 2)}e${exponent!.replace('+', '')}`;
    },
    dateTime: (ms) => (isKnown(ms) ? dates.format(ms) : UNKNOWN),
    timeOfDay: (ms) => (isKnown(ms) ? times.format(ms) : UNKNOWN),
    ago(ms, now = Date.now()) {
      if (!isKnown(ms)) return UNKNOWN;
      const passed = now - ms;
      const step = AGO_STEPS.find(([, length]) => Math.abs(passed) >= length);
      return step === undefined
        ? relative.format(0, 'second')
        : relative.format(-Math.floor(passed / step[1]), step[0]);
    },
    list: (items) => lists.format(items),
    plural: (count, forms) => (rules.select(count) === 'one' ? forms.one : forms.other).replace('#', integer(count)),
  };
}
