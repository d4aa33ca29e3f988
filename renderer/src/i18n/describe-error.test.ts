import { describe, expect, it } from 'vitest';
import codesSchema from '../../../native/protocol/codes.schema.json' with { type: 'json' };
import { describeError, withLabels } from './describe-error.ts';
import { en } from './en/index.ts';
import { es } from './es/index.ts';

const report = (code: string, details: Record<string, unknown> = {}) => ({
  code,
  message: 'As the core says it.',
  hint: 'What to do.',
  details,
});

describe('describeError', () => {
  it('leaves the core’s English as it is', () => {
    expect(describeError(report('gguf_corrupt'), en)).toEqual({
      code: 'gguf_corrupt',
      message: 'As the core says it.',
      hint: 'What to do.',
    });
  });

  it('translates by code, with the message’s parts', () => {
    const told = describeError(report('architecture_unsupported', { architecture: 'mamba' }), es);
    expect(told.message).toBe('Forja no sabe entrenar la arquitectura mamba.');
  });

  it('calls settings as the screens do', () => {
    expect(withLabels('Raise max_seq_len, or lower micro_batch_size.', en)).toBe(
      'Raise “Longest row”, or lower “Rows at a time”.',
    );
    expect(withLabels('lora_rank (8)', es)).toBe('«Rango» (8)');
    // Parts of paths, and names of other things, stay.
    expect(withLabels('/data/max_seq_len/rows.jsonl, chat_template, lora_rank.txt', en)).toBe(
      '/data/max_seq_len/rows.jsonl, chat_template, lora_rank.txt',
    );
    expect(withLabels('tokenizer.chat_template', en)).toBe('tokenizer.chat_template');
  });

  it('says what it has no words for as it came', () => {
    expect(describeError(report('never_heard_of'), es).message).toBe('As the core says it.');
    expect(describeError(new Error('plain'), es)).toEqual({ code: 'internal', message: 'plain', hint: '' });
  });
});

interface Declared {
  const: string;
  description: string;
}
const { error, warning, refusal } = codesSchema.$defs;
const declared: Declared[] = [...error.oneOf, ...warning.oneOf];
/** Details by any name that a message may ask for. */
const anyDetails = new Proxy({}, { get: (_, name) => `«${String(name)}»` });

describe('the codes of native/protocol', () => {
  it('are declared once each', () => {
    for (const { oneOf } of [error, warning, refusal]) {
      const codes = oneOf.map((code) => code.const);
      expect(new Set(codes).size).toBe(codes.length);
    }
    expect(declared.length).toBeGreaterThan(100);
  });

  it.each(declared)('$const is said to an English reader', ({ const: code, description }) => {
    expect(description).toMatch(/^[A-Z].+\.$/);
    const told = describeError(report(code, anyDetails), en);
    expect(told.message).not.toMatch(/undefined|null|\[object/);
    expect(told.message.length).toBeGreaterThan(10);
  });

  it.each(declared)('$const is said to a Spanish reader', ({ const: code }) => {
    const told = describeError(report(code, anyDetails), es);
    const english = describeError(report(code, anyDetails), en);
    expect(told.message).not.toBe(english.message);
    expect(told.hint).not.toBe(english.hint);
    expect(`${told.message} ${told.hint}`).not.toMatch(/undefined|null|\[object/);
    // A sentence, in words that Spanish has and English does not.
    expect(told.message).toMatch(/[.?!]$/);
    expect(` ${told.message.toLowerCase()} `).toMatch(
      / (el|la|los|las|un|una|de|del|no|se|que|en|es|al|ese|este|esa|esta|serán|sea) /,
    );
  });

  it('have no words for one that is not declared', () => {
    const codes = new Set(declared.map((code) => code.const));
    expect(Object.keys({ ...es.errors, ...en.errors }).filter((code) => !codes.has(code))).toEqual([]);
  });
});
