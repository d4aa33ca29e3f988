// Writes main/contracts/protocol-types.ts from native/protocol/*.schema.json. `--check` only says whether it is up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(fileURLToPath(import.meta.url), '../..');
const target = join(root, 'main/contracts/protocol-types.ts');

/** The part of JSON Schema that the protocol uses, as a TypeScript type. */
function typeOf(schema, indent) {
  if ('const' in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type }, indent)).join(' | ');
  switch (schema.type) {
    case 'integer':
    case 'number':
      return 'number';
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type;
    case 'array':
      return `(${typeOf(schema.items, indent)})[]`;
    case 'object':
      if (schema.properties) return objectType(schema, indent);
      return `Record<string, ${schema.additionalProperties ? typeOf(schema.additionalProperties, indent) : 'unknown'}>`;
    default:
      throw new Error(`The generator doesn't know this schema: ${JSON.stringify(schema)}`);
  }
}

function objectType(schema, indent, isComplete = false) {
  const inner = `${indent}  `;
  const required = new Set(schema.required ?? []);
  const lines = Object.entries(schema.properties).map(([name, property]) => {
    const doc = property.description ? `${inner}/** ${property.description} */\n` : '';
    const optional = required.has(name) || (isComplete && 'default' in property) ? '' : '?';
    return `${doc}${inner}${name}${optional}: ${typeOf(property, inner)};`;
  });
  return `{\n${lines.join('\n')}\n${indent}}`;
}

const pascal = (name) => name.replace(/(^|_)([a-z])/g, (_, __, letter) => letter.toUpperCase());
const readSchema = (name) => JSON.parse(readFileSync(join(root, 'native/protocol', name), 'utf8')).$defs;

export function generate() {
  const out = ['// Written by `npm run generate` from native/protocol. Do not edit.', ''];
  const jobs = readSchema('job.schema.json');
  for (const [name, schema] of Object.entries(jobs)) {
    out.push(`/** ${schema.description} All settings are present: defaults are filled in. */`);
    out.push(`export interface ${pascal(name)}Job ${objectType(schema, '', true)}`, '');
  }
  out.push(
    `export type TrainerJob = ${Object.keys(jobs)
      .map((name) => `${pascal(name)}Job`)
      .join(' | ')};`,
    '',
  );

  const events = readSchema('events.schema.json');
  const names = Object.keys(events);
  for (const name of names) {
    if (events[name].description) out.push(`/** ${events[name].description} */`);
    const body = objectType(events[name], '');
    // The fields of a result depend on its job: result_train and its kin.
    const suffix = name.startsWith('result_') ? '' : 'Data';
    const typeName = name.startsWith('result_')
      ? `${pascal(name.slice('result_'.length))}Result`
      : `${pascal(name)}${suffix}`;
    out.push(`export interface ${typeName} ${body}`, '');
  }
  const results = names.filter((name) => name.startsWith('result_')).map((name) => name.slice('result_'.length));
  out.push('/** The result of each job type. */', 'export interface JobResults {');
  for (const name of results) out.push(`  ${name}: ${pascal(name)}Result;`);
  out.push('}', '');
  out.push('/** The data of each event type. */', 'export interface EventData {');
  for (const name of names.filter((one) => !one.startsWith('result'))) out.push(`  ${name}: ${pascal(name)}Data;`);
  out.push('  result: JobResults[keyof JobResults];', '}', '');
  return out.join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = generate();
  if (process.argv.includes('--check')) {
    if (readFileSync(target, 'utf8') !== text) {
      console.error('main/contracts/protocol-types.ts is out of date: run `npm run generate`.');
      process.exit(1);
    }
  } else {
    writeFileSync(target, text);
  }
}
