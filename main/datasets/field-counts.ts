import type { FieldQuestion } from '../contracts/refusals.ts';
import type { UnusedField } from './types.ts';

/** What the name of a column or field says of what it holds; a text matches where the whole name does. */
const KNOWN: [FieldQuestion, RegExp][] = [
  ['reasoning', /^(reasoning|reasoning_content|thinking|thought|thoughts|rationale|chain_of_thought|cot|analysis)$/],
  ['tools', /^(tools|functions|tool_calls|function_call|available_tools)$/],
  ['history', /^(history|previous|prior_turns|chat_history)$/],
  [
    'context',
    /^(context|contexts|passage|document|documents|background|knowledge|input|inputs|schema|table|evidence)$/,
  ],
  ['preference', /^(chosen|rejected|preferred|dispreferred|rejected_response)$/],
  ['rating', /^(label|score|rating|reward|quality|is_correct|correct|accepted|upvotes)$/],
  [
    'weight',
    /^(weight|weights|loss|loss_weight|train|training|trainable|train_detail|training_detail|mask|masked|learn|ignore)$/,
  ],
  ['system', /^(system|system_prompt|system_message|persona|instructions|developer)$/],
  ['media', /^(image|images|image_path|audio|audios|video|videos|file|files)$/],
  ['split', /^(split|subset|fold|partition)$/],
];

/** Names of what is known not to belong to the text, however long. */
const METADATA =
  /^(id|uuid|.*_id|url|source|.*_url|link|title|name|date|created.*|updated.*|licen[cs]e|language|lang|hash|sha.*|meta.*|author|topic|category|categories|tags|model|dataset|text)$/;

/** Columns of text that are this long on average, in characters, may hold something to learn from. */
const LONG_TEXT_CHARS = 40;

/** Names that are told apart; beyond them a file has names for values, and they are counted together. */
const MOST_FIELDS = 500;

/** Rows that hold a field, those of them where it is a text, and all characters of these. */
export interface FieldCount {
  rows: number;
  texts: number;
  chars: number;
}

/** Counts the columns and fields that rows hold and that are not used. */
export class FieldCounts {
  private readonly counts: Map<string, FieldCount>;

  /** @param known what `entries` gave before */
  constructor(known: Iterable<[string, FieldCount]> = []) {
    this.counts = new Map(known);
  }

  add(unused: readonly string[], value: Record<string, unknown>): void {
    for (const field of unused) {
      const name = this.counts.has(field) || this.counts.size < MOST_FIELDS ? field : '…';
      let count = this.counts.get(name);
      if (count === undefined) this.counts.set(name, (count = { rows: 0, texts: 0, chars: 0 }));
      count.rows += 1;
      const held = value[field];
      if (typeof held === 'string') {
        count.texts += 1;
        count.chars += held.length;
      }
    }
  }

  /** All that was counted, to go on from. */
  entries(): [string, FieldCount][] {
    return [...this.counts];
  }

  /** The most frequent first. @param more fields that rows hold besides */
  result(more: readonly { field: string; rows: number }[] = []): UnusedField[] {
    const all = new Map(this.counts);
    for (const { field, rows } of more)
      all.set(field, { texts: 0, chars: 0, ...all.get(field), rows: rows + (all.get(field)?.rows ?? 0) });
    const found = [...all].map(([field, { rows, texts, chars }]) => {
      const name = field.slice(field.lastIndexOf('.') + 1).toLowerCase();
      const isLong = texts > 0 && chars / texts >= LONG_TEXT_CHARS && !METADATA.test(name);
      const known = KNOWN.find(([, names]) => names.test(name))?.[0];
      return { field, rows, question: known ?? (isLong ? ('long_text' as const) : null) };
    });
    return found.sort((a, b) => b.rows - a.rows);
  }
}
