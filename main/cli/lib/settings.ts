import { jobSettings, type JobOf, type JobType } from '../../contracts/protocol.ts';
import { TARGET_MODULES } from '../../domain/lora-parameters.ts';
import type { Arguments, Option } from './command.ts';
import { usage } from './parse.ts';

const flagOf = (name: string) => name.replaceAll('_', '-');

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
      value: isList ? 'LIST' : name.endsWith('_path') || name.endsWith('_dir') ? 'PATH' : undefined,
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
    given[name] = [schemas[name]?.type].flat().includes('array') ? readModules(String(value)) : value;
  }
  return given as Partial<JobOf<Type>>;
}

/** `all-linear`, or a list such as `q,v`; PEFT's names (`q_proj`) are taken too. */
function readModules(text: string): string[] {
  if (text === 'all-linear' || text === 'all') return [...TARGET_MODULES];
  const names = text.split(/[\s,]+/).filter((name) => name !== '');
  const modules = names.map((name) => name.replace(/_proj$/, ''));
  const unknown = modules.find((name) => !(TARGET_MODULES as readonly string[]).includes(name));
  if (unknown !== undefined || modules.length === 0) {
    throw usage(
      unknown === undefined
        ? '--target-modules names no module.'
        : `--target-modules: there is no module "${unknown}".`,
      `It takes all-linear, or a list out of ${TARGET_MODULES.join(', ')}.`,
      { option: 'target-modules', value: text },
    );
  }
  return [...new Set(modules)];
}

/** A default as the help shows it; a switch that is off and a path that is null need none. */
function shownDefault(value: unknown): string | undefined {
  return typeof value === 'number' || typeof value === 'string' ? String(value) : undefined;
}
