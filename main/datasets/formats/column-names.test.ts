import { describe, expect, it } from 'vitest';
import type { ColumnMap, RowFormat } from '../types.ts';
import { chooseFormat } from './detect.ts';

const choose = (row: Record<string, unknown>) => {
  const { format, columns } = chooseFormat('rows.csv', [row], 'auto', {});
  return [format, columns];
};

const FOUND: [row: Record<string, unknown>, format: RowFormat, columns: ColumnMap][] = [
  [{ Question: 'a', Answer: 'b' }, 'prompt_completion', { prompt: 'Question', completion: 'Answer' }],
  [{ Pregunta: 'a', Respuesta: 'b' }, 'prompt_completion', { prompt: 'Pregunta', completion: 'Respuesta' }],
  [
    { INSTRUCCIÓN: 'a', Entrada: 'c', Salida: 'b' },
    'alpaca',
    { instruction: 'INSTRUCCIÓN', input: 'Entrada', output: 'Salida' },
  ],
  [
    { instruccion: 'a', respuesta: 'b', 'System Prompt': 's' },
    'alpaca',
    { instruction: 'instruccion', output: 'respuesta', system: 'System Prompt' },
  ],
  [{ Q: 'a', A: 'b' }, 'prompt_completion', { prompt: 'Q', completion: 'A' }],
  [{ source: 'a', target: 'b' }, 'prompt_completion', { prompt: 'source', completion: 'target' }],
  [{ Texto: 'a' }, 'text', { text: 'Texto' }],
  [{ Messages: [{ role: 'user', content: 'a' }] }, 'messages', { messages: 'Messages' }],
  // The exact name comes before one that differs in case.
  [{ Prompt: 'x', prompt: 'a', completion: 'b' }, 'prompt_completion', { prompt: 'prompt', completion: 'completion' }],
  // Where a row comes from is not its question, and an option is not its answer.
  [{ source: 'web', question: 'a', answer: 'b' }, 'prompt_completion', { prompt: 'question', completion: 'answer' }],
  [{ source: 'web', text: 'a' }, 'text', { text: 'text' }],
];

describe('columns under usual names', () => {
  it.each(FOUND)('%j', (row, format, columns) => {
    expect(choose(row)).toEqual([format, columns]);
  });

  it('options of a question are no answer', () => {
    const row = { question: 'a', A: '1', B: '2', label: 'B' };
    expect(() => choose(row)).toThrow('was not recognised');
  });
});
