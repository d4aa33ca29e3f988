import { JOBS, SECTIONS, type ResumeRule, type SettingSchema } from '../../contracts/job-schema.ts';
import { jobSettings, type JobOf, type JobType } from '../../contracts/protocol.ts';
import type { Arguments, Command, Option } from './command.ts';
import { usage } from './parse.ts';

const flagOf = (name: string) => name.replaceAll('_', '-');

/** What one of a train job's settings is offered for: any choice of a run, or only what may change when a run goes on. */
const ANY: readonly ResumeRule[] = ['fixed', 'warned', 'free'];
const CHANGEABLE: readonly ResumeRule[] = ['warned', 'free'];

/** The settings of a run that the command line offers, in the order of the schema; a choice of one is none. */
export function trainSettingNames(purpose: 'start' | 'resume'): string[] {
  const rules = purpose === 'start' ? ANY : CHANGEABLE;
  return Object.entries(JOBS.train.properties)
    .filter(([, { setting, enum: choices }]) => {
      return setting !== undefined && rules.includes(setting.on_resume) && choices?.length !== 1;
    })
    .map(([name]) => name);
}

/** The options for those settings, by the schema's sections. */
export function trainSettingGroups(purpose: 'start' | 'resume'): Command['groups'] {
  const names = trainSettingNames(purpose);
  return SECTIONS.map(([section, title]) => ({
    title,
    options: settingOptions(
      'train',
      names.filter((name) => JOBS.train.properties[name]?.setting?.section === section),
    ),
  })).filter(({ options }) => options.length > 0);
}

/**
 * The options that stand for settings of a job, as native/protocol declares them: `lora_rank` is `--lora-rank`.
 * @param names which settings, in the order of the help
 */
export function settingOptions(type: JobType, names: readonly string[]): Option[] {
  const schemas = jobSettings(type);
  return names.map((name) => {
    const schema = schemas[name];
    if (schema === undefined) throw new Error(`The job ${type} has no setting ${name}`);
    const types = [schema.type].flat();
    const kind = types.includes('boolean')
      ? 'boolean'
      : types.includes('number') || types.includes('integer')
        ? 'number'
        : 'string';
    const isList = types.includes('array');
    return {
      flag: flagOf(name),
      kind,
      value: isList ? 'LIST' : /_(path|dir)$/.test(name) ? 'PATH' : schema.setting?.unit?.toUpperCase(),
      help: (schema.description ?? '').replace(/\.$/, ''),
      default: isList ? 'all-linear' : shownDefault(schema.default),
      choices: isList ? undefined : (schema.enum as string[] | undefined),
    };
  });
}

/** The settings that were given, by their own names; completeJob fills in and checks the rest. */
export function givenSettings<Type extends JobType>(
  type: Type,
  names: readonly string[],
  { options }: Arguments,
): Partial<JobOf<Type>> {
  const schemas = jobSettings(type);
  const given: Record<string, unknown> = {};
  for (const name of names) {
    const value = options[flagOf(name)];
    if (value === undefined) continue;
    const schema = schemas[name];
    given[name] = [schema?.type].flat().includes('array') ? readModules(String(value), schema) : value;
  }
  return given as Partial<JobOf<Type>>;
}

/** `all-linear`, or a list such as `q,v`; PEFT's names (`q_proj`) are taken too. */
function readModules(text: string, schema: SettingSchema | undefined): string[] {
  const known = (schema?.items?.enum ?? []) as string[];
  if (text === 'all-linear' || text === 'all') return [...known];
  const names = text.split(/[\s,]+/).filter((name) => name !== '');
  const modules = names.map((name) => name.replace(/_proj$/, ''));
  const unknown = modules.find((name) => !known.includes(name));
  if (unknown !== undefined || modules.length === 0) {
    throw usage(
      unknown === undefined
        ? '--target-modules names no module.'
        : `--target-modules: there is no module "${unknown}".`,
      `It takes all-linear, or a list out of ${known.join(', ')}.`,
      { option: 'target-modules', value: text },
    );
  }
  return [...new Set(modules)];
}

/** A default as the help shows it; a switch that is off and a path that is null need none. */
function shownDefault(value: unknown): string | undefined {
  return typeof value === 'number' || typeof value === 'string' ? String(value) : undefined;
}
