/** Numbers as a person reads them. Results for scripts never go through here. */

/** 1234567 → "1,234,567". */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** 98362432 → "93.8 MiB". */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let rest = value;
  while (rest >= 1024 && unit < units.length - 1) {
    rest /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? rest : rest.toFixed(rest >= 100 ? 0 : 1)} ${units[unit] ?? ''}`;
}

/** 134515008 → "135 M". */
export function millions(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} B`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(value >= 1e8 ? 0 : 1)} M`;
  return count(value);
}

/** 252000 → "4 min 12 s". */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${ms < 9950 ? (ms / 1000).toFixed(1) : seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** 0.314 → "31.4 %". */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** A loss in nats per token, or a dash where there is none. */
export function loss(value: number | null): string {
  return value === null ? '–' : value.toFixed(4);
}

/** 0.0002 → "2.00e-4". */
export function rate(value: number): string {
  return value === 0 ? '0' : value.toExponential(2);
}

/** "1 row", "2 rows". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Lines up columns; all but the last are padded. */
export function table(rows: string[][], indent = '  '): string {
  const widths = rows.reduce<number[]>(
    (sofar, row) => row.map((cell, at) => Math.max(sofar[at] ?? 0, cell.length)),
    [],
  );
  return rows
    .map((row) => indent + row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at]!))).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}
