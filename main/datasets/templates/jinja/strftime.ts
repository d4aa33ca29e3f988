import { MONTHS } from '../../../domain/months.ts';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
/**
 * A date as C's strftime writes it in English, as Python does for chat templates: `%d %b %Y`, `%Y-%m-%d` and so on, `%-d` without
 * zeros in front. What isn't known stays as it is.
 */
export function strftime(date: Date, format: string): string {
  return format.replace(/%(-?)([a-zA-Z%])/g, (whole, dash: string, code: string) => {
    const text = fieldOf(date, code);
    if (text === null) return whole;
    return dash === '-' ? text.replace(/^[0 ]+(?=.)/, '') : text;
  });
}

function fieldOf(date: Date, code: string): string | null {
  const two = (value: number) => String(value).padStart(2, '0');
  const hour12 = date.getHours() % 12 || 12;
  switch (code) {
    case 'Y':
      return String(date.getFullYear());
    case 'y':
      return two(date.getFullYear() % 100);
    case 'm':
      return two(date.getMonth() + 1);
    case 'd':
      return two(date.getDate());
    case 'e':
      return String(date.getDate()).padStart(2, ' ');
    case 'B':
      return MONTHS[date.getMonth()]!;
    case 'b':
    case 'h':
      return MONTHS[date.getMonth()]!.slice(0, 3);
    case 'A':
      return DAYS[date.getDay()]!;
    case 'a':
      return DAYS[date.getDay()]!.slice(0, 3);
    case 'w':
      return String(date.getDay());
    case 'j':
      return String(dayOfYear(date)).padStart(3, '0');
    case 'H':
      return two(date.getHours());
    case 'I':
      return two(hour12);
    case 'M':
      return two(date.getMinutes());
    case 'S':
      return two(date.getSeconds());
    case 'p':
      return date.getHours() < 12 ? 'AM' : 'PM';
    case 'F':
      return strftime(date, '%Y-%m-%d');
    case 'D':
      return strftime(date, '%m/%d/%y');
    case 'T':
      return strftime(date, '%H:%M:%S');
    case 'R':
      return strftime(date, '%H:%M');
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case '%':
      return '%';
    default:
      return null;
  }
}

function dayOfYear(date: Date): number {
  const start = Date.UTC(date.getFullYear(), 0, 1);
  return Math.round((Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - start) / 86_400_000) + 1;
}
