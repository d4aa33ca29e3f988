import { MONTHS } from '../../domain/months.ts';

/** Fixed text, with the day of use where it is printed. */
export type DatedText = (string | { date: DateForm })[];

/** Ways to write a day that Ollama's `currentDate`, which is like 2031-11-23, can be turned into. */
export const DATE_FORMS = ['%Y-%m-%d', '%d %b %Y', '%d %B %Y', '%B %d, %Y', '%b %d, %Y'] as const;
export type DateForm = (typeof DATE_FORMS)[number];

/** A day in one of the forms, by strftime's names. */
export function writeDate(form: DateForm, day: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const month = MONTHS[day.getMonth()]!;
  return form.replaceAll(/%([YmdbB])/g, (_, what: string) => {
    if (what === 'Y') return String(day.getFullYear());
    if (what === 'm') return two(day.getMonth() + 1);
    if (what === 'd') return two(day.getDate());
    return what === 'b' ? month.slice(0, 3) : month;
  });
}

/** A text in which a day was printed, with that day as what changes. */
export function findDates(text: string, day: Date): DatedText {
  let parts: DatedText = [text];
  for (const form of DATE_FORMS) {
    const written = writeDate(form, day);
    parts = parts.flatMap((part) =>
      typeof part !== 'string'
        ? [part]
        : part.split(written).flatMap((piece, index) => (index === 0 ? [piece] : [{ date: form }, piece])),
    );
  }
  return parts.filter((part) => part !== '');
}

/** The text on a day. */
export function textOn(text: DatedText, day: Date): string {
  return text.map((part) => (typeof part === 'string' ? part : writeDate(part.date, day))).join('');
}
