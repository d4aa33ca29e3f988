/** Dataset files through the readers, the formats, the templates and the audit, up to the lines that a tokenize process gets. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import {
  listColumns,
  openTemplate,
  prepareTokens,
  previewRows,
  type TokenizeResult,
} from '../../main/datasets/index.ts';
import { DatasetError } from '../../main/datasets/errors.ts';
import { chatml } from '../../main/datasets/templates/example-templates.ts';
import type { StartTokenizer } from '../../main/datasets/types.ts';
import { Dice, Finding, mutateBytes, mutateText, type Campaign } from './dice.ts';
import { memoryFolder } from './memory.ts';

const CHAT =
  '{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]}';
const TOOLS =
  '{"messages":[{"role":"user","content":"Sum?"},{"role":"assistant","content":null,"tool_calls":[{"type":"function","function":{"name":"add","arguments":{"a":1}}}]},{"role":"tool","content":"3"},{"role":"assistant","content":"3","reasoning_content":"so"}],"tools":[{"type":"function","function":{"name":"add"}}]}';
const ALPACA = '{"instruction":"Add 1 and 2.","input":"","output":"3","history":[["a","b"]]}';
const SHAREGPT = '{"conversations":[{"from":"human","value":"Hi"},{"from":"gpt","value":"Hello","weight":0}]}';
const PAIR = '{"prompt":"What is it?","completion":" A thing.","label":true}';

/** Sound files of every kind: extension and content. */
const SEEDS: readonly [string, string][] = [
  ['jsonl', [CHAT, CHAT, TOOLS].join('\n')],
  ['jsonl', [ALPACA, ALPACA].join('\r\n')],
  ['jsonl', [SHAREGPT, SHAREGPT, PAIR].join('\n')],
  ['jsonl', '\uFEFF{"text":"One."}\n\n{"text":"Two."}'],
  ['json', `[${[CHAT, TOOLS].join(',\n')}]`],
  ['json', `{"version":1,"data":[${ALPACA},${ALPACA}]}`],
  ['json', '{"instruction":["a","b"],"output":["c","d"]}'],
  ['json', `{"a":${PAIR},"b":${PAIR}}`],
  ['csv', 'instruction,input,output\n"Say ""hi""",,"hi\nthere"\nx,y,z\n'],
  ['csv', 'prompt;completion\r\n1;2\r\n3;4\r\n'],
  ['tsv', 'prompt\tcompletion\n1\t2\n'],
  ['txt', 'One line.\nAnother.\n\nA block.\n'],
];

const WORDS = [
  '"messages"',
  '"role"',
  '"content"',
  '"text"',
  '"prompt"',
  '"output"',
  '"__proto__"',
  '"constructor"',
  '"toString"',
  'null',
  'true',
  '[]',
  '{}',
  '[[',
  '{"a":',
  '"\\ud800"',
  '"\\u0000"',
  '1e999',
  '-0',
  '""',
  '"\\',
  ',',
  ':',
  ']',
  '}',
  '\n',
  '\r',
  '\r\n',
  '\u2028',
  '"',
  '""',
  ';',
  '\t',
  '|',
  '\uFEFF',
  '\u0000',
  '[',
  '"system"',
  '"assistant"',
  '"user"',
  '"tool"',
  '"weight":0',
  '"loss":false',
  '"tool_calls":[]',
  '"value"',
  '"from"',
  '<|im_end|>',
  '<script>alert(1)</script>',
  '['.repeat(20000),
  '{"a":'.repeat(5000),
  'x'.repeat(100_000),
  '"a",'.repeat(3000),
] as const;

function file(seed: number, index: number): { extension: string; bytes: Buffer } {
  const dice = new Dice(seed, index);
  const [extension, text] = dice.of(SEEDS);
  let changed = text;
  for (let left = 1 + dice.below(4); left > 0; left--) changed = mutateText(changed, WORDS, dice);
  let bytes: Buffer = Buffer.from(changed);
  if (dice.oneIn(3)) bytes = mutateBytes(bytes, dice);
  return { extension: dice.oneIn(8) ? dice.of(['jsonl', 'json', 'csv', 'txt', 'tsv']) : extension, bytes };
}

/** Takes the lines as the trainer does, and holds them to their form. */
function startTokenizer(): ReturnType<StartTokenizer> {
  let resolve!: (result: TokenizeResult) => void;
  const result = new Promise<TokenizeResult>((done) => (resolve = done));
  let text = '';
  const stdin = new Writable({
    write: (chunk: Buffer, _encoding, next) => {
      text += chunk.toString('utf8');
      next();
    },
    final: (next) => {
      const lines = text.split('\n').filter((line) => line !== '');
      for (const line of lines) requireRow(line);
      const rows = lines.length;
      resolve({
        rows,
        tokens: rows,
        supervised_tokens: rows,
        median_tokens: 1,
        p95_tokens: 1,
        max_tokens: 1,
        truncated_rows: 0,
        empty_rows: 0,
        lost_tokens: 0,
        lost_supervised_tokens: 0,
        windowed_rows: 0,
        repeated_tokens: 0,
        length_histogram: [],
      });
      next();
    },
  });
  return { stdin, result, kill: () => undefined };
}

function requireRow(line: string): void {
  const { row, segments } = JSON.parse(line) as { row: unknown; segments: unknown };
  const sound =
    Number.isSafeInteger(row) &&
    Array.isArray(segments) &&
    segments.every(
      (part: unknown) =>
        Array.isArray(part) &&
        typeof part[0] === 'string' &&
        (part[1] === 0 || part[1] === 1) &&
        (part.length === 2 || part[2] === 1),
    );
  if (!sound) throw new Finding(`a line that the trainer doesn't take: ${line.slice(0, 200)}`);
}

let folder: string | null = null;

/** Reads a file as a run does. @throws Finding */
export async function tryDataset(extension: string, bytes: Buffer): Promise<string> {
  folder ??= mkdtempSync(join(memoryFolder(), 'forja-fuzz-'));
  const path = join(folder, `rows.${extension}`);
  writeFileSync(path, bytes);
  const template = openTemplate(chatml, 'model');
  try {
    await listColumns(path);
    const { audit } = await prepareTokens({
      data_path: path,
      template,
      out_dir: folder,
      startTokenizer,
      val_share: 0.2,
      max_seq_len: 128,
    });
    const { rows_read, rows_used, rows_refused } = audit.data;
    if (rows_used + rows_refused !== rows_read) throw new Finding('the audit does not add up');
    await previewRows({ path, template, max_seq_len: 128, offset: 0, limit: 3 });
    JSON.stringify(audit);
    return 'accepted';
  } catch (error) {
    if (error instanceof DatasetError && error.message !== '' && error.hint !== '') return error.code;
    throw error instanceof Finding ? error : new Finding(`no coded error: ${String((error as Error).stack)}`);
  }
}

export const campaign: Campaign = {
  run: (seed, index) => {
    const { extension, bytes } = file(seed, index);
    return tryDataset(extension, bytes);
  },
  input: (seed, index) => file(seed, index).bytes,
  close: () => {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
    folder = null;
  },
};
