import type { Dataset, DatasetRow } from './dataset.ts';
import { FieldCounts, type FieldCount } from './field-counts.ts';
import { HashSet, type Hash64 } from './hash.ts';
import { RowList } from './row-list.ts';
import type { PromptTemplate } from './templates/index.ts';
import { NOT_SHOWN } from './templates/model-template.ts';
import type { Conversation, FileAudit, Refusal } from './types.ts';

/** Rows whose hashes are kept to find duplicates (at most 16 bytes each). */
export const MAX_HASHED_ROWS = 8_000_000;
/** Refused rows and duplicates that are kept with their line; all are counted. */
const KEPT_EXAMPLES = 500;

/** What reading a file found, whatever model and template its rows are for. */
export interface ReadCounts {
  rows_read: number;
  rows_refused: number;
  refused_by_code: FileAudit['refused_by_code'];
  refused_examples: FileAudit['refused_examples'];
  duplicate_rows: number;
  duplicate_examples: { line: number }[];
  /** Fields that no row's conversation holds. */
  unused_fields: [string, FieldCount][];
  /** Rows with what some templates don't show. */
  rows_with_reasoning: number;
  rows_with_tools: number;
  rows_with_dropped_turns: number;
  dropped_turns_line: number | null;
}

type UsableRow = Extract<DatasetRow, { conversation: Conversation }>;

/** A row with all that a template may leave out. */
const WITH_ALL: Conversation = {
  kind: 'chat',
  messages: [{ role: 'assistant', content: '', reasoning: '' }],
  tools: [],
};

/** All that is kept of a file once it was read through. */
export interface ReadFile {
  counts: ReadCounts;
  rows: RowList;
}

/** Counts what becomes of a file's rows, and lists those that can be used; 28 bytes a row at most. */
export class FileAuditor {
  readonly rows: RowList;
  private readonly counts: ReadCounts;
  private known: HashSet | null;
  /** Rows that were read and that the template can't render. */
  private readonly unrendered = { rows: 0, by_code: {} as FileAudit['refused_by_code'], examples: emptyExamples() };
  private readonly dataset: Dataset;
  private readonly maxExamples: number;
  private readonly fields: FieldCounts;

  /** @param read what an earlier reading of the same file found; null counts anew */
  constructor(dataset: Dataset, maxExamples: number, read: ReadFile | null = null) {
    this.dataset = dataset;
    this.maxExamples = maxExamples;
    this.rows = read?.rows ?? new RowList();
    this.known = read === null ? new HashSet() : null;
    this.counts = read?.counts ?? {
      rows_read: 0,
      rows_refused: 0,
      refused_by_code: {},
      refused_examples: [],
      duplicate_rows: 0,
      duplicate_examples: [],
      unused_fields: [],
      rows_with_reasoning: 0,
      rows_with_tools: 0,
      rows_with_dropped_turns: 0,
      dropped_turns_line: null,
    };
    this.fields = new FieldCounts(this.counts.unused_fields);
  }

  /** Rows that could be read and rendered. */
  get rowsUsed(): number {
    return this.rows.length - this.unrendered.rows;
  }

  /** A row that can't be read. */
  refuse(line: number, { code, message, details = {} }: Refusal): void {
    const { counts } = this;
    counts.rows_read += 1;
    counts.rows_refused += 1;
    counts.refused_by_code[code] = (counts.refused_by_code[code] ?? 0) + 1;
    if (counts.refused_examples.length < KEPT_EXAMPLES) counts.refused_examples.push({ line, code, message, details });
  }

  /** A row that was read. */
  see({ line, place = line, conversation, unused, value }: UsableRow, hash: Hash64): void {
    const { counts, hashes } = this;
    counts.rows_read += 1;
    if (unused.length > 0) this.fields.add(unused, value);
    this.noteTurns(line, conversation);
    this.rows.add(place, hash);
    const isNew = hashes.size < MAX_HASHED_ROWS ? hashes.add(hash) : !hashes.has(hash);
    if (isNew) return;
    counts.duplicate_rows += 1;
    if (counts.duplicate_examples.length < KEPT_EXAMPLES) counts.duplicate_examples.push({ line });
  }

  /** A row that was read, and that the template can't render. */
  refuseSeen(line: number, { code, message, details = {} }: Refusal): void {
    const { unrendered } = this;
    unrendered.rows += 1;
    unrendered.by_code[code] = (unrendered.by_code[code] ?? 0) + 1;
    if (unrendered.examples.length < KEPT_EXAMPLES) unrendered.examples.push({ line, code, message, details });
  }

  private noteTurns(line: number, conversation: Conversation): void {
    if (conversation.kind !== 'chat') return;
    const { counts } = this;
    const { messages, tools, dropped_turns } = conversation;
    if (messages.some(({ reasoning }) => reasoning !== undefined)) counts.rows_with_reasoning += 1;
    if (tools !== undefined) counts.rows_with_tools += 1;
    if (dropped_turns === undefined) return;
    counts.rows_with_dropped_turns += 1;
    counts.dropped_turns_line ??= line;
  }

  /** Whether the file has a row that says this. */
  has(hash: Hash64): boolean {
    return this.hashes.has(hash);
  }

  /** What holds for every model and template, to be kept. */
  read(): ReadFile {
    return { counts: { ...this.counts, unused_fields: this.fields.entries() }, rows: this.rows };
  }

  get path(): string {
    return this.dataset.path;
  }

  /** The rows that can't be used. */
  refusals(): Pick<FileAudit, 'path' | 'rows_read' | 'rows_refused' | 'refused_by_code' | 'refused_examples'> {
    const { counts, unrendered, maxExamples } = this;
    const refused_by_code = { ...counts.refused_by_code };
    for (const [code, rows] of Object.entries(unrendered.by_code) as [Refusal['code'], number][])
      refused_by_code[code] = (refused_by_code[code] ?? 0) + rows;
    const examples = [...counts.refused_examples, ...unrendered.examples].sort((a, b) => a.line - b.line);
    return {
      path: this.path,
      rows_read: counts.rows_read,
      rows_refused: counts.rows_refused + unrendered.rows,
      refused_by_code,
      refused_examples: examples.slice(0, maxExamples),
    };
  }

  /** @param template the one that rows are rendered with */
  result(template: PromptTemplate): FileAudit {
    const { kind, shape, format, format_reason, columns, size_bytes } = this.dataset;
    const { counts, maxExamples } = this;
    return {
      ...this.refusals(),
      kind,
      shape,
      format,
      format_reason,
      columns,
      size_bytes,
      rows_used: this.rowsUsed,
      duplicate_rows: counts.duplicate_rows,
      duplicate_examples: counts.duplicate_examples.slice(0, maxExamples),
      unused_fields: this.fields.result(this.notShownBy(template)),
      rows_with_dropped_turns: counts.rows_with_dropped_turns,
      dropped_turns_line: counts.dropped_turns_line,
    };
  }

  /** What of the rows' turns the template leaves out. */
  private notShownBy(template: PromptTemplate): { field: string; rows: number }[] {
    const { rows_with_reasoning, rows_with_tools } = this.counts;
    const left = new Set(template.notShown(WITH_ALL));
    return [
      { field: NOT_SHOWN.reasoning, rows: rows_with_reasoning },
      { field: NOT_SHOWN.tools, rows: rows_with_tools },
    ].filter(({ field, rows }) => rows > 0 && left.has(field));
  }

  private get hashes(): HashSet {
    if (this.known === null) {
      this.known = new HashSet();
      for (let at = 0; at < Math.min(this.rows.length, MAX_HASHED_ROWS); at++) this.known.add(this.rows.hashAt(at));
    }
    return this.known;
  }
}

function emptyExamples(): FileAudit['refused_examples'] {
  return [];
}
