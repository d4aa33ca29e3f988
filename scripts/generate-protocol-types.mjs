// Writes what is generated from native/protocol/*.schema.json. `--check` only says whether it is up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { codesCpp, codesTs } from './protocol/codes.mjs';
import { cpp } from './protocol/cpp.mjs';
import { typescript } from './protocol/typescript.mjs';

const root = join(fileURLToPath(import.meta.url), '../..');
const events = JSON.parse(readFileSync(join(root, 'native/protocol/events.schema.json'), 'utf8'));

/** The generated files by their paths from the repository's root, with their text. */
export function generate() {
  return {
    'main/contracts/protocol-types.ts': typescript(events),
    'main/contracts/codes.ts': codesTs(),
    'native/src/base/settings.hpp': cpp(),
    'native/src/base/codes.hpp': codesCpp(),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const isCheck = process.argv.includes('--check');
  for (const [path, text] of Object.entries(generate())) {
    if (!isCheck) writeFileSync(join(root, path), text);
    else if (readFileSync(join(root, path), 'utf8') !== text) {
      console.error(`${path} is out of date: run \`npm run generate\`.`);
      process.exitCode = 1;
    }
  }
}
