import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readChoiceRows } from './choice-rows.ts';

const dir = mkdtempSync(join(tmpdir(), 'forja-choices-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function read(rows: object[] | string, name = 'rows.jsonl') {
  const path = join(dir, name);
  writeFileSync(path, typeof rows === 'string' ? rows : rows.map((row) => JSON.stringify(row)).join('\n'));
  return await readChoiceRows(path);
}
const options = ['Lima', 'Quito', 'La Paz', 'Bogotá'];

describe('questions with options', () => {
  it.each([
    ['options and a letter', { question: 'Capital of Ecuador?', options, answer: 'B' }],
    ["options and an option's text", { question: 'Capital of Ecuador?', options, answer: 'Quito' }],
    ["MMLU's choices and a number", { question: 'Capital of Ecuador?', choices: options, answer: 1 }],
    [
      'columns A to D',
      { question: 'Capital of Ecuador?', A: 'Lima', B: 'Quito', C: 'La Paz', D: 'Bogotá', answer: 'B' },
    ],
    ['medmcqa', { question: 'Capital of Ecuador?', opa: 'Lima', opb: 'Quito', opc: 'La Paz', opd: 'Bogotá', cop: 1 }],
    [
      'ARC',
      { question: 'Capital of Ecuador?', choices: { text: options, label: ['A', 'B', 'C', 'D'] }, answerKey: 'B' },
    ],
  ])('are read from %s', async (_, row) => {
    const { rows, refused } = await read([row]);
    expect(refused).toEqual([]);
    expect(rows).toEqual([{ line: 1, question: 'Capital of Ecuador?', options, right: 1, subject: null }]);
  });

  it('count from 1 where the file does', async () => {
    const row = (cop: number) => ({
      question: 'q',
      opa: 'a',
      opb: 'b',
      opc: 'c',
      opd: 'd',
      cop,
      subject_name: 'Anatomy',
    });
    const { rows } = await read([row(4), row(1)]);
    expect(rows.map(({ right, subject }) => [right, subject])).toEqual([
      [3, 'Anatomy'],
      [0, 'Anatomy'],
    ]);
    expect((await read([row(0), row(3)])).rows.map(({ right }) => right)).toEqual([0, 3]);
  });

  it('are read from CSV', async () => {
    const { rows } = await read('question,A,B,C,D,answer\n2 + 2?,3,4,5,6,B\n"3 + 3?",6,7,8,9,A\n', 'rows.csv');
    expect(rows.map(({ options: found, right }) => [found[right], right])).toEqual([
      ['4', 1],
      ['6', 0],
    ]);
  });

  it('are refused one by one, and all together with what the file has', async () => {
    const { rows, refused } = await read([
      { question: 'q', options: ['a', 'b'], answer: 'Z' },
      { question: 'q', options: ['a', 'b'], answer: 'A' },
    ]);
    expect(rows).toHaveLength(1);
    expect(refused).toEqual([{ line: 1, reason: 'its answer "Z" names none of 2 options' }]);
    await expect(read([{ text: 'no question' }])).rejects.toMatchObject({
      code: 'evaluation_rows_unfit',
      details: { reason: 'it has no question or prompt', found: ['text'] },
    });
  });
});
