import { describe, expect, it } from 'vitest';
import { splitLongText } from './text-windows.ts';
import type { Conversation } from './types.ts';

const text = (value: string): Conversation => ({ kind: 'text', text: value });
const texts = (parts: Conversation[]) => parts.map((part) => (part.kind === 'text' ? part.text : ''));

describe('splitLongText', () => {
  it('leaves short texts, chats and everything without a limit as they are', () => {
    const chat: Conversation = { kind: 'chat', messages: [{ role: 'assistant', content: 'x'.repeat(1000) }] };
    expect(splitLongText(chat, 10)).toEqual([chat]);
    expect(splitLongText(text('x'.repeat(30)), 10)).toEqual([text('x'.repeat(30))]);
    expect(splitLongText(text('x'.repeat(1000)), 0)).toEqual([text('x'.repeat(1000))]);
  });

  it('cuts at paragraphs, then at words, and loses nothing', () => {
    expect(texts(splitLongText(text('one two three four.\n\nfive six seven eight'), 10))).toEqual([
      'one two three four.\n\n',
      'five six seven eight',
    ]);
    const long = 'word '.repeat(500);
    const parts = splitLongText(text(long), 20);
    expect(texts(parts).join('')).toBe(long);
    expect(Math.max(...texts(parts).map(({ length }) => length))).toBeLessThanOrEqual(60);
    expect(parts.map((part) => part.kind === 'text' && part.continues === true)).toEqual([
      ...Array.from({ length: parts.length - 1 }, () => true),
      false,
    ]);
  });

  it('never cuts a character in two', () => {
    const parts = splitLongText(text('𝄞'.repeat(100)), 5);
    expect(texts(parts).every((part) => /^(?:𝄞)+$/u.test(part))).toBe(true);
  });
});
