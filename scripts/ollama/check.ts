// `npm run check:ollama`: the Modelfiles that Forja writes, rendered by Ollama's own parser and template package (Go; fetched through the
// Go module proxy), against the prompts of training. Says when results.json is old; --write makes it anew.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { digest, ollamaCases, RESULTS, TODAY, type OllamaResults } from './cases.ts';
import { ollamaName } from '../../main/contracts/commands.ts';

const FILES = [
  'my orders.gguf',
  'Señor (v2).GGUF',
  '模型.gguf',
  '.x-.gguf',
  `${'é'.repeat(200)}.gguf`,
  'a:b/c@d',
  '-f.gguf',
];

interface Answer {
  ollama: string;
  names: boolean[];
  cases: { stop: string; prompts: string[] }[];
}

const cases = [...ollamaCases()];
const written = cases.flatMap(({ name, modelfile, prompts }) =>
  prompts === null ? [] : [{ name, modelfile, prompts }],
);
const today = [TODAY.getFullYear(), TODAY.getMonth() + 1, TODAY.getDate()].map((part) => String(part).padStart(2, '0')).join('-'); // prettier-ignore
const go = spawnSync('go', ['run', '.'], {
  cwd: import.meta.dirname,
  encoding: 'utf8',
  maxBuffer: 2 ** 28,
  input: JSON.stringify({
    today,
    names: FILES.map(ollamaName),
    cases: written.map(({ modelfile, prompts }) => ({ modelfile, conversations: prompts.map(({ conversation }) => conversation) })), // prettier-ignore
  }),
});
if (go.error !== undefined) fail(`Go could not be started (${go.error.message}): install it, e.g. apt install golang.`);
if (go.status !== 0) fail(go.stderr);
const answer = JSON.parse(go.stdout) as Answer;

const faults = FILES.filter((_, index) => !answer.names[index]).map(
  (file) => `Ollama refuses the name of ${file}: ${ollamaName(file)}`,
);
const results: OllamaResults = { ollama: answer.ollama, today, cases: {} };
for (const { name, prompts } of cases) if (prompts === null) results.cases[name] = 'no template';
let compared = 0;
for (const [index, { name, modelfile, prompts }] of written.entries()) {
  const got = answer.cases[index]!;
  results.cases[name] = { modelfile: digest(modelfile), stop: got.stop, prompts: got.prompts.map(digest) };
  for (const [at, { conversation, trained }] of prompts.entries()) {
    if (trained === null) continue;
    compared += 1;
    if (got.prompts[at] !== trained)
      faults.push(
        `${name}: ${JSON.stringify(conversation)}\n  trained ${JSON.stringify(trained)}\n  Ollama  ${JSON.stringify(got.prompts[at])}`,
      );
  }
}
if (faults.length > 0) fail(faults.join('\n'));
const text = `${JSON.stringify(results, null, 1)}\n`;
const { length: none } = cases.filter(({ prompts }) => prompts === null);
process.stdout.write(
  `Ollama ${answer.ollama}: ${compared} prompts of ${written.length} Modelfiles are those of training; ${none} have no TEMPLATE.\n`,
);
if (process.argv.includes('--write')) writeFileSync(RESULTS, text);
else if (readFileSync(RESULTS, 'utf8') !== text) fail(`${RESULTS} is old: npm run check:ollama -- --write`);

function fail(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(1);
}
