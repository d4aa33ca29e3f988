import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERROR_EXITS } from '../../../main/contracts/errors.ts';
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

  it('translates by code, with the message’s parts', () => {
    const told = describeError(report('architecture_unsupported', { architecture: 'mamba' }), es);
    expect(told.message).toBe('Forja no sabe entrenar la arquitectura mamba.');
  });

  it('says what it has no words for as it came', () => {
    expect(describeError(report('never_heard_of'), es).message).toBe('As the core says it.');
    expect(describeError(new Error('plain'), es)).toEqual({ code: 'internal', message: 'plain', hint: '' });
  });
});

describe('the Spanish errors', () => {
  /** Files of a folder and its folders, tests left out. */
  function* sources(folder: string, extension: RegExp): Generator<string> {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) yield* sources(path, extension);
      else if (extension.test(entry.name) && !entry.name.includes('.test.')) yield path;
    }
  }

  const root = join(import.meta.dirname, '../../..');
  /** Codes that only a fault in Forja itself or a wrong command line brings about: they stay English. */
  const INTERNAL = new Set(['export_format_unknown', 'export_overflow', 'job_invalid', 'job_unreadable', 'method_unknown', 'output_not_an_adapter_folder', 'output_type_unknown', 'peft_invalid', 'row_too_long', 'rows_invalid', 'safetensors_invalid', 'token_file_bad_magic', 'token_file_bad_version', 'token_file_vocab_mismatch']); // prettier-ignore

  it('know every code that the trainer raises', () => {
    const codes = new Set<string>();
    for (const path of sources(join(root, 'native/src'), /\.(cpp|hpp)$/)) {
      const text = readFileSync(path, 'utf8');
      for (const [, code] of text.matchAll(/(?:throw (?:error|failure)|[^a-z_](?:error|failure))\(\s*"([a-z_]+)"/g)) {
        codes.add(code!);
      }
    }
    expect(codes.size).toBeGreaterThan(20);
    expect([...codes].filter((code) => !(code in es.errors) && !INTERNAL.has(code))).toEqual([]);
  });

  it('know every code of the contracts', () => {
    expect(Object.keys(ERROR_EXITS).filter((code) => !(code in es.errors))).toEqual([]);
  });
});
