// native/protocol/codes.schema.json as TypeScript and as C++.
import { readFileSync } from 'node:fs';

const { error, warning, refusal } = JSON.parse(
  readFileSync(new URL('../../native/protocol/codes.schema.json', import.meta.url), 'utf8'),
).$defs;
const by = (raiser, { oneOf }) => oneOf.filter(({ raised_by }) => raised_by.includes(raiser));
const list = (codes) => codes.map((code) => `  ${JSON.stringify(code.const)},`);

/** main/contracts/codes.ts */
export function codesTs() {
  const out = ['// Written by `npm run generate` from native/protocol/codes.schema.json. Do not edit.', ''];
  out.push(
    '/** The code of every error, with the exit code of a command that ends with it. */',
    'export const ERROR_EXITS = {',
  );
  out.push(...error.oneOf.map((code) => `  ${code.const}: ${code.exit},`), '} as const;', '');
  out.push('export type ErrorCode = keyof typeof ERROR_EXITS;', '');
  for (const raiser of ['core', 'datasets', 'chat', 'trainer']) {
    const name = `${raiser[0].toUpperCase()}${raiser.slice(1).replace(/s$/, '')}ErrorCode`;
    const codes = by(raiser, error).map((code) => `  | ${JSON.stringify(code.const)}`);
    out.push(`/** The errors that ${raiser} raises. */`, `export type ${name} =`, `${codes.join('\n')};`, '');
  }
  out.push(
    '/** What is told and stops nothing. */',
    'export const WARNING_CODES = [',
    ...list(warning.oneOf),
    '] as const;',
    '',
  );
  out.push('export type WarningCode = (typeof WARNING_CODES)[number];', '');
  out.push(
    '/** Why a row of a dataset is left out. */',
    'export const REFUSAL_CODES = [',
    ...list(refusal.oneOf),
    '] as const;',
    '',
  );
  out.push('export type RefusalCode = (typeof REFUSAL_CODES)[number];', '');
  return out.join('\n');
}

/** native/src/base/codes.hpp: what the trainer raises. */
export function codesCpp() {
  const raised = by('trainer', error);
  const table = (name, codes) => [
    `inline constexpr std::string_view ${name}[] = {`,
    ...codes.map((code) => `    ${JSON.stringify(code.const)},`),
    '};',
    '',
  ];
  return [
    '// Written by `npm run generate` from native/protocol/codes.schema.json, which says what each code means. Do not edit.',
    '#pragma once',
    '',
    '#include <string_view>',
    '',
    'namespace forja::codes {',
    '',
    ...table(
      'bad_input',
      raised.filter(({ exit }) => exit === 2),
    ),
    ...table(
      'failure',
      raised.filter(({ exit }) => exit === 1),
    ),
    ...table('warning', by('trainer', warning)),
    '} // namespace forja::codes',
    '',
  ].join('\n');
}
