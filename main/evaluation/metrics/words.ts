/** How texts are cut and made alike before they are compared. */

/** Blank ends removed, every run of white space one space, Unicode composed (NFC): case and punctuation count. */
export function spaced(text: string): string {
  return text.normalize('NFC').trim().replaceAll(/\s+/g, ' ');
}

/** ASCII punctuation, as Python's string.punctuation has it. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g;

/**
 * The words of a text as SQuAD compares them: lower case, without punctuation and without the English articles a, an, the.
 * Source: Rajpurkar et al. 2016, the official evaluation script.
 */
export function squadWords(text: string): string[] {
  return wordsOf(
    text
      .toLowerCase()
      .replaceAll(PUNCTUATION, '')
      .replaceAll(/(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu, ' '),
  );
}

/** Lower-case runs of letters and digits of any script; on ASCII text, the tokens of rouge-score without stemming. */
export function rougeWords(text: string): string[] {
  return wordsOf(text.toLowerCase().replaceAll(/[^\p{L}\p{M}\p{N}]+/gu, ' '));
}

function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
