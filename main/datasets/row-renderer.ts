import type { DatasetBatch, DatasetRow } from './dataset.ts';
import { DatasetError, RowError } from './errors.ts';
import type { FileAuditor } from './file-audit.ts';
import { hashConversation, type Hash64 } from './hash.ts';
import { datasetChanged } from './prepare-notices.ts';
import type { HeldOutSplit } from './split.ts';
import type { PromptTemplate } from './templates/index.ts';
import { splitLongText } from './text-windows.ts';
import type { Conversation, RowPart, Segment, TokenRow } from './types.ts';

/** What a row became: its windows, rendered, and its place among all. */
export interface RenderedRow {
  line: number;
  rank: number;
  hash: Hash64;
  conversation: Conversation;
  parts: TokenRow[];
}

/** Renders rows for a model, and tells an auditor what becomes of each. */
export class RowRenderer {
  private readonly template: PromptTemplate;
  private readonly max_seq_len: number;
  private readonly split: HeldOutSplit;
  private readonly signal: AbortSignal | undefined;
  private readonly tell: (bytes_read: number) => void;

  constructor(
    template: PromptTemplate,
    max_seq_len: number,
    split: HeldOutSplit,
    signal: AbortSignal | undefined,
    tell: (bytes_read: number) => void,
  ) {
    this.template = template;
    this.max_seq_len = max_seq_len;
    this.split = split;
    this.signal = signal;
    this.tell = tell;
  }

  /** A file that is read for the first time. @throws DatasetError dataset_cancelled */
  async *batches(
    batches: AsyncGenerator<DatasetBatch>,
    auditor: FileAuditor,
  ): AsyncGenerator<RenderedRow[], void, undefined> {
    for await (const { rows, bytes_read } of batches) {
      requireGoing(this.signal);
      const rendered: RenderedRow[] = [];
      for (const row of rows) {
        if (row.refusal !== undefined) {
          auditor.refuse(row.line, row.refusal);
          continue;
        }
        const hash = hashConversation(row.conversation);
        auditor.see(row, hash);
        const result = this.render(row.line, row.conversation, hash, auditor);
        if (result !== null) rendered.push(result);
      }
      yield rendered;
      this.tell(bytes_read);
    }
  }

  /** Rows that the auditor has in its list. @throws DatasetError dataset_cancelled, dataset_changed */
  async *seen(
    batches: AsyncGenerator<DatasetRow[]>,
    auditor: FileAuditor,
  ): AsyncGenerator<RenderedRow[], void, undefined> {
    for await (const rows of batches) {
      requireGoing(this.signal);
      yield rows.flatMap(({ line, conversation }) => {
        if (conversation === undefined) throw datasetChanged(auditor.path);
        return this.render(line, conversation, hashConversation(conversation), auditor) ?? [];
      });
    }
  }

  private render(
    line: number,
    conversation: NonNullable<DatasetRow['conversation']>,
    hash: Hash64,
    auditor: FileAuditor,
  ): RenderedRow | null {
    try {
      const parts = splitLongText(conversation, this.max_seq_len).map((part) => tokenRow(this.template, part));
      return { line, rank: this.split.rankOf(hash), hash, conversation, parts };
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      auditor.refuseSeen(line, error);
      return null;
    }
  }
}

/** A row with both of its answers, where it is a pair. @throws RowError template_refused */
export function tokenRow(template: PromptTemplate, conversation: Conversation): TokenRow {
  const segments = template.renderRow(conversation);
  if (conversation.kind === 'text') return { segments };
  const { rejected, desirable } = conversation;
  return {
    segments,
    ...(rejected !== undefined && { rejected: template.renderRow({ ...conversation, messages: rejected }) }),
    ...(desirable !== undefined && { desirable }),
  };
}

/** The answers of a rendered row, one by one, each with what it is in preference data. */
export function answersOf({
  segments,
  rejected,
  desirable,
}: TokenRow): { segments: Segment[]; part: RowPart | null }[] {
  if (rejected !== undefined)
    return [
      { segments, part: 'chosen' },
      { segments: rejected, part: 'rejected' },
    ];
  return [{ segments, part: desirable === undefined ? null : desirable ? 'desirable' : 'undesirable' }];
}

/** @throws DatasetError dataset_cancelled */
export function requireGoing(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true)
    throw new DatasetError('dataset_cancelled', 'Reading the dataset was cancelled.', 'Start again when ready.');
}
