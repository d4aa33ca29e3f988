// native/src/base/settings.hpp: a struct a job, with the schema's defaults.
import { JOBS, settingGroups } from './read-jobs.mjs';

function typeOf({ type, items }) {
  const types = [type].flat();
  const isOptional = types.includes('null');
  const [name] = types.filter((one) => one !== 'null');
  const known = { integer: 'int64_t', number: 'double', boolean: 'bool', string: 'std::string' };
  const plain = name === 'array' ? `std::vector<${typeOf({ type: items.type ?? 'string' })}>` : known[name];
  if (plain === undefined) throw new Error(`The generator has no C++ type for ${JSON.stringify(type)}`);
  return isOptional ? `std::optional<${plain}>` : plain;
}

function defaultOf(schema) {
  const { default: value } = schema;
  if (value === undefined) return schema.type === 'string' ? '' : ' = {}';
  if (value === null) return '';
  if (Array.isArray(value)) return ` = {${value.map((one) => JSON.stringify(one)).join(', ')}}`;
  return ` = ${JSON.stringify(value)}`;
}

const member = (name, schema) => `    ${typeOf(schema)} ${name}${defaultOf(schema)};`;
const isField = ([name, schema]) => !('const' in schema) && name !== 'protocol_major';

/** Which struct of their own the settings of a train job are in, by name: `method_settings` for those of some methods. */
function holders() {
  const held = new Map();
  for (const { tag, variants } of settingGroups().tags) {
    held.set(tag, tag);
    for (const { settings } of variants) for (const [name] of settings) held.set(name, tag);
  }
  for (const [name, { setting }] of Object.entries(JOBS.train.properties)) {
    if (setting?.struct !== undefined) held.set(name, setting.struct);
  }
  return held;
}

export function cpp() {
  const held = holders();
  const placeOf = (name) => (held.has(name) ? `${held.get(name)}.${name}` : name);
  const out = [
    '// Written by `npm run generate` from native/protocol/job.schema.json, which says what each setting means. Do not edit.',
    '#pragma once',
    '',
    '#include <concepts>',
    '#include <cstdint>',
    '#include <optional>',
    '#include <string>',
    '#include <type_traits>',
    '#include <vector>',
    '',
    'namespace forja {',
    '',
    '/// Whether a setting may change when a run goes on: `setting_keywords` in the schema says what each means.',
    'enum class resume_rule { fixed, warned, free };',
    '',
  ];
  for (const holder of new Set(held.values())) {
    const members = Object.entries(JOBS.train.properties).filter(([name]) => held.get(name) === holder);
    out.push(`struct ${holder}_settings {`, ...members.map(([name, schema]) => member(name, schema)), '};', '');
  }
  const visits = [];
  for (const [job, { description, properties }] of Object.entries(JOBS)) {
    const fields = Object.entries(properties).filter(isField);
    if (fields.length === 0) continue;
    out.push(`/// ${description}`, `struct ${job}_settings {`);
    const nested = new Set();
    for (const [name, schema] of fields) {
      const holder = held.get(name);
      if (holder === undefined) out.push(member(name, schema));
      else if (!nested.has(holder)) {
        nested.add(holder);
        out.push(`    ${holder}_settings ${holder};`);
      }
    }
    out.push('};', '');
    visits.push(
      '',
      `template <typename Settings, typename Use> requires std::same_as<std::remove_const_t<Settings>, ${job}_settings>`,
      'void each_field(Settings & s, Use && use) {',
      ...fields.map(([name]) => `    use("${name}", s.${placeOf(name)});`),
      '}',
    );
  }
  out.push('/// Calls use(name, field) for each field of a job, in the order of the schema.', ...visits.slice(1), '');
  const settings = Object.entries(JOBS.train.properties).filter(([, { setting }]) => setting !== undefined);
  out.push(
    '/// Calls use(name, value, rule) for each setting of a run: what a person chooses, without the paths that the core fills in.',
    'template <typename Use> void each_setting(const train_settings & s, Use && use) {',
    ...settings.map(
      ([name, { setting }]) => `    use("${name}", s.${placeOf(name)}, resume_rule::${setting.on_resume});`,
    ),
    '}',
    '',
    '} // namespace forja',
    '',
  );
  return out.join('\n');
}
