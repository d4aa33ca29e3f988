import { ForjaError } from '../contracts/errors.ts';
import {
  hashConversation,
  HeldOutSplit,
  openDataset,
  type ColumnMap,
  type HashSet,
  type PromptTemplate,
  type RowFormat,
  type Segment,
} from '../datasets/index.ts';

/** A row as it is answered and scored. */
export interface QuestionRow {
  line: number;
  /** What the person asked, as it is shown. */
  prompt: string;
  /** The row's last answer; null of plain text, which asks nothing. */
  expected: string | null;
  /** What comes before that answer, as in training. */
  rendered_prompt: Segment[];
  /** The whole row, as in training. */
  rendered_row: Segment[];
}

export interface QuestionSource {
  data_path: string;
  format: RowFormat | 'auto';
  columns: ColumnMap;
  template: PromptTemplate;
  /** At most as many rows, the first by a hash of what they say, so that a smaller sample is part of a larger one; 0: all. */
  max_rows: number;
  /** Only rows whose hash is among these; null: all. */
  held_out: HashSet | null;
}

export interface QuestionFile {
  rows: QuestionRow[];
  refused: { line: number; reason: string }[];
  /** Rows that are left out because they are not held out, and by `max_rows`. */
  not_held_out: number;
  not_sampled: number;
}

/**
 * Reads rows and renders them as they are in training.
 * @throws DatasetError as openDataset; ForjaError evaluation_rows_unfit where no row can be used
 */
export async function readQuestionRows(source: QuestionSource): Promise<QuestionFile> {
  const { data_path, format, columns, template, max_rows, held_out } = source;
  const dataset = await openDataset({ path: data_path, format, columns });
  const split = new HeldOutSplit(0, 1);
  const found: { row: QuestionRow; rank: number }[] = [];
  const refused: QuestionFile['refused'] = [];
  let not_held_out = 0;
  for await (const { rows } of dataset.batches()) {
    for (const { line, conversation, refusal } of rows) {
      if (conversation === undefined) {
        refused.push({ line, reason: refusal.message });
        continue;
      }
      const hash = hashConversation(conversation);
      if (held_out !== null && !held_out.has(hash)) {
        not_held_out += 1;
        continue;
      }
      try {
        const isChat = conversation.kind === 'chat';
        const messages = isChat ? conversation.messages : [];
        const last = messages.findLastIndex(({ role }) => role === 'assistant');
        const row: QuestionRow = {
          line,
          prompt: isChat
            ? (messages.slice(0, last).findLast(({ role }) => role === 'user')?.content ?? '')
            : conversation.text,
          expected: isChat ? messages[last]!.content : null,
          rendered_prompt: template.renderRowPrompt(conversation),
          rendered_row: template.renderRow(conversation),
        };
        found.push({ row, rank: split.rankOf(hash) });
      } catch (error) {
        // The template doesn't take this row: training leaves it out, too.
        if (!(error instanceof Error && 'code' in error && error.code === 'template_refused')) throw error;
        refused.push({ line, reason: error.message });
      }
    }
  }
  if (found.length === 0) {
    throw new ForjaError(
      'evaluation_rows_unfit',
      `No row of ${data_path} can be evaluated: ${not_held_out > 0 ? 'none is held out' : (refused[0]?.reason ?? 'it holds no row')}`,
      'Give a file of rows that were not trained on.',
      { path: data_path, metric: '', reason: refused[0]?.reason ?? '', found: [] },
    );
  }
  const kept =
    max_rows > 0 ? found.sort((a, b) => a.rank - b.rank || a.row.line - b.row.line).slice(0, max_rows) : found;
  const rows = kept.map(({ row }) => row).sort((a, b) => a.line - b.line);
  return { rows, refused, not_held_out, not_sampled: found.length - rows.length };
}
