import type { Conversation } from './types.ts';

/**
 * Characters taken for each token that a row may have. English has four to five a token, other languages and code one to four: a
 * piece that has more tokens than a row may have is cut by them, by the trainer, so that none is lost.
 */
const CHARS_PER_TOKEN = 3;

/** So many rows' worth of text are handed over in one piece where rows overlap: they do within a piece. */
const OVERLAPPING_ROWS = 64;

/** How much text is handed over in one piece, in tokens as they are guessed here; 0 for all of it. */
export function pieceTokens(max_seq_len: number, text_overlap_tokens: number): number {
  return text_overlap_tokens > 0 ? OVERLAPPING_ROWS * max_seq_len : max_seq_len;
}

/** Places to cut a text at, best first: between paragraphs, lines, sentences, words. */
const BREAKS = ['\n\n', '\n', '. ', ' '];

/**
 * A text that is longer than a row may be, as several that follow on each other; anything else as it is. Only the last of
 * them ends with EOS.
 *
 * @param max_seq_len longest row in tokens; 0 leaves texts whole
 */
export function splitLongText(conversation: Conversation, max_seq_len: number): Conversation[] {
  const most = max_seq_len * CHARS_PER_TOKEN;
  if (conversation.kind !== 'text' || most === 0 || conversation.text.length <= most) return [conversation];
  const { text } = conversation;
  const parts: Conversation[] = [];
  let start = 0;
  while (text.length - start > most) {
    const end = cutAt(text, start, start + most);
    parts.push({ kind: 'text', text: text.slice(start, end), continues: true });
    start = end;
  }
  parts.push({ kind: 'text', text: text.slice(start) });
  return parts;
}

/** Where to cut a window: behind the last break in its second half, or at its end, but never inside a character. */
function cutAt(text: string, start: number, end: number): number {
  const half = start + Math.floor((end - start) / 2);
  for (const mark of BREAKS) {
    const at = text.lastIndexOf(mark, end - mark.length);
    if (at >= half) return at + mark.length;
  }
  const code = text.charCodeAt(end);
  return code >= 0xdc00 && code <= 0xdfff ? end - 1 : end;
}
