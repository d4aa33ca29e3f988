// main/contracts/protocol-types.ts.
import { JOBS, pascal, settingGroups } from './read-jobs.mjs';

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
      if (schema.properties) return objectType(Object.entries(schema.properties), schema.required, indent);
      return `Record<string, ${schema.additionalProperties ? typeOf(schema.additionalProperties, indent) : 'unknown'}>`;
    default:
      throw new Error(`The generator doesn't know this schema: ${JSON.stringify(schema)}`);
  }
}

function objectType(properties, required = [], indent = '', isComplete = false) {
  const inner = `${indent}  `;
  const lines = properties.map(([name, property]) => {
    const doc = property.description ? `${inner}/** ${property.description} */\n` : '';
    const optional = required.includes(name) || (isComplete && 'default' in property) ? '' : '?';
    return `${doc}${inner}${name}${optional}: ${typeOf(property, inner)};`;
  });
  return `{\n${lines.join('\n')}\n${indent}}`;
}

/** A train job: paths, the settings that every one has, and a union for each tag. */
function trainTypes() {
  const { fields, common, tags, names } = settingGroups();
  const out = [];
  for (const { tag, schema, variants } of tags) {
    for (const { value, settings } of variants) {
      const tagged = [[tag, { description: schema.description, const: value }], ...settings];
      out.push(`/** What a run of ${tag} ${value} has of its own. */`);
      out.push(`export interface ${pascal(value)}Settings ${objectType(tagged, [tag], '', true)}`, '');
    }
    const union = variants.map(({ value }) => `${pascal(value)}Settings`).join(' | ');
    out.push(`export type ${pascal(tag)}Settings = ${union};`, '');
  }
  out.push('/** The settings that every run has. */');
  out.push(`export interface CommonSettings ${objectType(common, [], '', true)}`, '');
  const union = ['CommonSettings', ...tags.map(({ tag }) => `${pascal(tag)}Settings`)].join(' & ');
  out.push('/** What a person chooses for a run, defaults filled in. */', `export type TrainSettings = ${union};`, '');
  out.push('/** The name of any setting of a run. */');
  out.push(`export type SettingName =\n${names.map((name) => `  | ${JSON.stringify(name)}`).join('\n')};`, '');
  out.push('/** What the core fills in for a train job. */');
  out.push(`export interface TrainFields ${objectType(fields, JOBS.train.required, '', true)}`, '');
  out.push(`/** ${JOBS.train.description} All settings are present: defaults are filled in. */`);
  out.push('export type TrainJob = TrainFields & TrainSettings;', '');
  return out;
}

/** @param events the schema of events */
export function typescript(events) {
  const out = ['// Written by `npm run generate` from native/protocol. Do not edit.', '', ...trainTypes()];
  for (const [name, { description, properties, required }] of Object.entries(JOBS)) {
    if (name === 'train') continue;
    out.push(`/** ${description} All settings are present: defaults are filled in. */`);
    out.push(`export interface ${pascal(name)}Job ${objectType(Object.entries(properties), required, '', true)}`, '');
  }
  const jobs = Object.keys(JOBS).map((name) => `${pascal(name)}Job`);
  out.push(`export type TrainerJob = ${jobs.join(' | ')};`, '');

  const names = Object.keys(events.$defs);
  for (const name of names) {
    const schema = events.$defs[name];
    if (schema.description) out.push(`/** ${schema.description} */`);
    // The fields of a result depend on its job: result_train and its kin.
    const typeName = name.startsWith('result_')
      ? `${pascal(name.slice('result_'.length))}Result`
      : `${pascal(name)}Data`;
    out.push(`export interface ${typeName} ${typeOf(schema, '')}`, '');
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
