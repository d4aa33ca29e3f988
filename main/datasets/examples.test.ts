import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readExamples } from './examples.ts';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'forja-examples-'))));
afterEach(() => rmSync(dir, { recursive: true }));

function file(...rows: unknown[]): string {
  const path = join(dir, 'rows.jsonl');
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join('\n'));
  return path;
}

test('gives what is asked first in each row, with system text and answer, up to the limit', async () => {
  const chat = (...messages: [string, string][]) => ({
    messages: messages.map(([role, content]) => ({ role, content })),
  });
  const path = file(
    chat(
      ['system', 'Be brief.'],
      ['user', 'When?'],
      ['assistant', 'At seven.'],
      ['user', 'Where?'],
      ['assistant', 'Here.'],
    ),
    [1],
    chat(['user', 'Who?'], ['assistant', 'Ana.']),
    chat(['user', 'Why?'], ['assistant', 'Bread.']),
  );
  expect(await readExamples({ path }, 2)).toEqual([
    { system: 'Be brief.', prompt: 'When?', answer: 'At seven.' },
    { system: '', prompt: 'Who?', answer: 'Ana.' },
  ]);
});

test('reads columns of other names, and has nothing to ask of plain text', async () => {
  const path = file({ question: 'When?', reply: 'At seven.' });
  const columns = { prompt: 'question', completion: 'reply' };
  expect(await readExamples({ path, format: 'prompt_completion', columns }, 3)).toMatchObject([
    { prompt: 'When?', answer: 'At seven.' },
  ]);
  expect(await readExamples({ path: file({ text: 'Once.' }) }, 3)).toEqual([]);
});
