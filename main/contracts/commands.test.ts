import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { ollamaName, shellWord } from './commands.ts';

const AWKWARD = [
  'plain',
  '/out/my orders.gguf',
  "it's",
  '$HOME `id` $(id) !! "x" \\',
  '-rf',
  '~/x',
  '#x',
  'a;b|c&d>e<f',
  '*?[a]{b,c}',
  'two\nlines\ttab',
  '¿ñ 模型 “x” ‘y’',
  '',
  '@x',
  '=ls',
];

test.skipIf(process.platform === 'win32')('a POSIX shell reads each word as it was', () => {
  for (const shell of ['sh', 'bash']) {
    const line = `printf '%s\\0' ${AWKWARD.map((text) => shellWord(text, false)).join(' ')}`;
    expect(execFileSync(shell, ['-c', line], { encoding: 'utf8' }).split('\0').slice(0, -1)).toEqual(AWKWARD);
  }
});

test('PowerShell’s words: backslashes stay, every kind of single quote is doubled', () => {
  expect(shellWord('C:\\out\\a.gguf', true)).toBe('C:\\out\\a.gguf');
  expect(shellWord("C:\\it's here\\a.gguf", true)).toBe("'C:\\it''s here\\a.gguf'");
  expect(shellWord('It’s', true)).toBe("'It’’s'");
  for (const text of ['@x', '$x', 'a,b', '-x', '~', '%x', '{a}', 'a b', '']) expect(shellWord(text, true)).toBe(`'${text}'`); // prettier-ignore
});

test('names that Ollama takes', () => {
  expect(ollamaName('my orders.gguf')).toBe('my-orders');
  expect(ollamaName('Señor Modelo (v2).GGUF')).toBe('Senor-Modelo-v2');
  expect(ollamaName('a/b:c@d.gguf')).toBe('a-b-c-d');
  expect(ollamaName('.hidden-.gguf')).toBe('hidden');
  expect(ollamaName('模型.gguf')).toBe('tuned');
  expect(ollamaName(`${'x'.repeat(200)}.gguf`)).toBe('x'.repeat(80));
  expect(ollamaName('SmolLM2-135M_Instruct.Q4_1.gguf')).toBe('SmolLM2-135M_Instruct.Q4_1');
});
