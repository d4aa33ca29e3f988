import type { SettingInfo } from './ipc.ts';
import { JOBS, SECTIONS, type SettingNotes, type SettingSchema } from './job-schema.ts';
import type { SettingName } from './protocol-types.ts';

/** The settings of a run as native/protocol declares them, by section, in its order. */
export function listSettings(): SettingInfo[] {
  const all = Object.entries(JOBS.train.properties).flatMap(([name, schema]) =>
    schema.setting === undefined ? [] : [describe(name as SettingName, schema, schema.setting)],
  );
  return SECTIONS.flatMap(([section]) => all.filter((setting) => setting.section === section));
}

function describe(name: SettingName, schema: SettingSchema, notes: SettingNotes): SettingInfo {
  return {
    name,
    section: notes.section,
    advanced: notes.advanced ?? false,
    unit: notes.unit ?? null,
    affects: notes.affects ?? [],
    on_resume: notes.on_resume,
    methods: notes.methods ?? null,
    objectives: notes.objectives ?? null,
    kind: kindOf(name, schema),
    default: schema.default ?? null,
    minimum: schema.minimum ?? null,
    maximum: schema.maximum ?? null,
    choices: ((schema.items?.enum ?? schema.enum) as string[] | undefined) ?? null,
    description: schema.description ?? '',
  };
}

function kindOf(name: string, { type, enum: choices }: SettingSchema): SettingInfo['kind'] {
  const types = [type].flat();
  if (types.includes('array')) return 'modules';
  if (types.includes('boolean')) return 'boolean';
  if (types.includes('integer')) return 'integer';
  if (types.includes('number')) return 'number';
  if (choices !== undefined) return 'choice';
  return name.endsWith('_path') ? 'path' : 'text';
}
