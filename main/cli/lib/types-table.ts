import type { ExportResult } from '../../contracts/protocol-types.ts';
import { bytes, percent, table } from './format.ts';

/** The trial of an export's types as a table: type, size of the file, share of the tuning that it keeps, and which was taken. */
export function typesTable(types: ExportResult['types'], taken: string): string {
  return table([
    ['type', 'size', 'kept', ''],
    ...types.map(({ output_type, output_bytes, kept_share }) => [
      output_type === 'same' ? "same (the base's own)" : output_type,
      bytes(output_bytes),
      kept_share === null ? 'not tried' : percent(kept_share),
      output_type === taken ? '← taken' : '',
    ]),
  ]);
}
