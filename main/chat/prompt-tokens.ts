import type { LlamaModel, Token } from 'node-llama-cpp';
import type { Segment } from '../datasets/index.ts';

/**
 * A prompt's tokens as in training: the template's marks are control tokens, and marks in literal text are only text.
 * LlamaCompletion puts BOS first itself, so a BOS from the text goes.
 */
export function promptTokens(model: LlamaModel, prompt: readonly Segment[]): Token[] {
  const isLiteral = prompt.some(([, , literal]) => literal === 1);
  const tokens = isLiteral ? tokenizeAround(model, prompt) : model.tokenize(textOf(prompt), true);
  const { bos, shouldPrependBosToken } = model.tokens;
  return shouldPrependBosToken && bos !== null && tokens[0] === bos ? tokens.slice(1) : tokens;
}

const textOf = (prompt: readonly Segment[]) => prompt.map(([text]) => text).join('');

/** Neighbours that are literal alike, whatever is learned of them: white space that a mark swallows may lie in the next one. */
function joined(prompt: readonly Segment[]): Segment[] {
  const parts: Segment[] = [];
  for (const [text, , literal] of prompt) {
    const last = parts.at(-1);
    if (last !== undefined && last[2] === literal) last[0] += text;
    else parts.push(literal === 1 ? [text, 0, 1] : [text, 0]);
  }
  return parts;
}

/** What llama.cpp takes for white space beside a mark; JavaScript's trim takes more. */
const BLANKS_BEFORE = /[ \t-\r]+$/;
const BLANKS_AFTER = /^[ \t-\r]+/;

/** llama.cpp reads all marks of a text or none: so its own marks are found first, and what lies between them is read without. */
function tokenizeAround(model: LlamaModel, prompt: readonly Segment[]): Token[] {
  const tokens: Token[] = [];
  // Since the last mark, across segments: words at their borders are cut as in training.
  let between = '';
  for (const [text, , literal] of joined(prompt)) {
    let at = 0;
    for (const token of literal === 1 ? [] : model.tokenize(text, true)) {
      const { control, lstrip, rstrip } = model.getTokenAttributes(token);
      const mark = control ? model.detokenize([token], true) : '';
      const found = mark === '' ? -1 : text.indexOf(mark, at);
      if (found < 0) continue;
      between += text.slice(at, found);
      tokens.push(...model.tokenize(lstrip ? between.replace(BLANKS_BEFORE, '') : between), token);
      between = '';
      at = found + mark.length;
      if (rstrip) at += BLANKS_AFTER.exec(text.slice(at))?.[0].length ?? 0;
    }
    between += text.slice(at);
  }
  tokens.push(...model.tokenize(between));
  return tokens;
}
