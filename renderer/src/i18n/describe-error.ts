import { i18n, type Messages } from './i18n.svelte.ts';

/** How a language says an error: a sentence, and what to do. `details` are the message's variable parts. */
export interface ErrorText {
  message: string | ((details: Details) => string);
  hint: string | ((details: Details) => string);
}

/** The variable parts of a message; a part that is missing or no text reads as empty. */
export type Details = (name: string) => string;

export interface ToldError {
  code: string;
  message: string;
  hint: string;
}

interface Report {
  code: string;
  message: string;
  hint: string;
  details: Record<string, unknown>;
}

/**
 * Any error, or a report of one, in the language of the screens. What the language has no words for stays as the core said it.
 */
export function describeError(error: unknown, t: Messages): ToldError {
  if (!isReport(error)) {
    const message = error instanceof Error ? error.message : String(error);
    return { code: 'internal', message, hint: '' };
  }
  const text = t.errors[error.code];
  const named = (words: string) => withLabels(words, t);
  if (text === undefined) return { code: error.code, message: named(error.message), hint: named(error.hint) };
  const details = detailsOf(error.details);
  const say = (part: ErrorText['message']) => (typeof part === 'string' ? part : part(details));
  return { code: error.code, message: named(say(text.message)), hint: named(say(text.hint)) };
}

/** A sentence in which settings are called as on the screens, not by their names in files; what is part of a path stays. */
export function withLabels(sentence: string, t: Messages): string {
  const { texts, named } = t.settingTexts;
  return sentence.replace(/(?<![\w./\\-])[a-z]+(?:_[a-z0-9]+)+(?![\w/\\-]|\.\w)/g, (name) => {
    const label = (texts as Partial<Record<string, { label: string }>>)[name]?.label;
    return label === undefined ? name : named(label);
  });
}

/** The variable parts of a message as words of the language. */
export function detailsOf(details: Record<string, unknown>): Details {
  return (name) => written(details[name]);
}

function isReport(error: unknown): error is Report {
  return typeof error === 'object' && error !== null && 'code' in error && 'message' in error && 'hint' in error;
}

function written(value: unknown): string {
  if (typeof value === 'number') return i18n.format.setting(value);
  if (typeof value === 'string') return value;
  return Array.isArray(value) ? value.map(written).join(', ') : '';
}
