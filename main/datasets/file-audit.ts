import type { Dataset } from './dataset.ts';
import { FieldCounts } from './field-counts.ts';
import { HashSet, type Hash64 } from './hash.ts';
import type { Conversation, FileAudit, Refusal } from './types.ts';

/** Rows whose hashes are kept to find duplicates (at most 16 bytes each). */
export const MAX_HASHED_ROWS = 8_000_000;

/** Counts what becomes of a file's rows; its size does not grow with them but for the hashes of duplicates. */
export class FileAuditor {
  readonly hashes = new HashSet();
  private readonly audit: FileAudit;
  private readonly maxExamples: number;
  private readonly fields = new FieldCounts();

  constructor(dataset: Dataset, maxExamples: number) {
    const { path, kind, shape, format, format_reason, columns, size_bytes } = dataset;
    this.maxExamples = maxExamples;
    this.audit = {
      path,
      kind,
      shape,
      format,
      format_reason,
      columns,
      size_bytes,
      rows_read: 0,
      rows_sampled_from: null,
      rows_used: 0,
      rows_refused: 0,
      refused_by_code: {},
      refused_examples: [],
      duplicate_rows: 0,
      duplicate_examples: [],
      unused_fields: [],
      rows_with_dropped_turns: 0,
      dropped_turns_line: null,
    };
  }

  get rowsUsed(): number {
    return this.audit.rows_used;
  }

  refuse(line: number, { code, message, details = {} }: Refusal): void {
    const { audit } = this;
    audit.rows_read += 1;
    audit.rows_refused += 1;
    audit.refused_by_code[code] = (audit.refused_by_code[code] ?? 0) + 1;
    if (audit.refused_examples.length < this.maxExamples) audit.refused_examples.push({ line, code, message, details });
  }

  use(line: number, hash: Hash64): void {
    const { audit } = this;
    audit.rows_read += 1;
    audit.rows_used += 1;
    const isNew = this.hashes.size < MAX_HASHED_ROWS ? this.hashes.add(hash) : !this.hashes.has(hash);
    if (isNew) return;
    audit.duplicate_rows += 1;
    if (audit.duplicate_examples.length < this.maxExamples) audit.duplicate_examples.push({ line });
  }

  /**
   * Notes what of a row that is used is not used.
   * @param unused names of its columns and fields
   */
  noteUnused(
    line: number,
    conversation: Conversation,
    unused: readonly string[],
    value: Record<string, unknown>,
  ): void {
    if (unused.length > 0) this.fields.add(unused, value);
    if (conversation.kind !== 'chat' || conversation.dropped_turns === undefined) return;
    this.audit.rows_with_dropped_turns! += 1;
    this.audit.dropped_turns_line ??= line;
  }

  /** Only some of this many rows are read. */
  sampledFrom(rows: number): void {
    this.audit.rows_sampled_from = rows;
  }

  result(): FileAudit {
    this.audit.unused_fields = this.fields.result();
    return this.audit;
  }
}
