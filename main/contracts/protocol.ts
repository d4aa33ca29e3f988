import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import eventsSchema from '../../native/protocol/events.schema.json' with { type: 'json' };
import { ForjaError } from './errors.ts';
import { JOBS, strayBy, type JobSchema } from './job-schema.ts';
import type { EventData, JobResults, TrainerJob, TrainSettings } from './protocol-types.ts';

/** The protocol's major version: a trainer with another is refused. */
export const PROTOCOL_MAJOR = 1;

export type JobType = TrainerJob['type'];
export type JobOf<Type extends JobType> = Extract<TrainerJob, { type: Type }>;
export type EventType = keyof EventData;

/** One line of the trainer's stdout, by its type. */
export type TrainerEvent = {
  [Type in EventType]: { type: Type; seq: number; time_ms: number; data: EventData[Type] };
}[EventType];

/** The fields of a job type, by name. */
export function jobSettings(type: JobType): JobSchema['properties'] {
  return JOBS[type].properties;
}

/** What a person chose of a train job: its fields without those that the core fills in. */
export function chosenSettings(job: JobOf<'train'>): TrainSettings {
  const entries = Object.entries(job).filter(([name]) => JOBS.train.properties[name]?.setting !== undefined);
  return Object.fromEntries(entries) as unknown as TrainSettings;
}

const ajv = new Ajv2020({ useDefaults: true, allErrors: true, allowUnionTypes: true, strictTuples: false });
ajv.addKeyword('setting');
const eventChecks = new Map<string, ValidateFunction>();
const complete = jobCompleter(JOBS);

/**
 * Fills in the defaults of a job and checks it.
 *
 * @param type what the trainer shall do
 * @param settings the settings that differ from the defaults; the object is not changed
 * @throws ForjaError setting_invalid, naming each setting that is out of range or that the job's method or objective does not have
 */
export function completeJob<Type extends JobType>(type: Type, settings: Partial<JobOf<Type>>): JobOf<Type> {
  return complete(type, { ...settings, protocol_major: PROTOCOL_MAJOR, type }) as unknown as JobOf<Type>;
}

/**
 * The settings of a run as they were stored: those that came later than the run are filled in, and what is not a setting (any
 * more) is left out.
 *
 * @throws ForjaError setting_invalid
 */
export function storedSettings(stored: Record<string, unknown>): TrainSettings {
  const known = Object.entries(stored).filter(([name]) => JOBS.train.properties[name]?.setting !== undefined);
  const paths = { model_path: '-', train_tokens_path: '-', out_dir: '-' };
  return chosenSettings(completeJob('train', { ...(Object.fromEntries(known) as Partial<JobOf<'train'>>), ...paths }));
}

/** Makes a function that completes jobs by any schema of the protocol's form. @throws ForjaError setting_invalid (the function) */
export function jobCompleter(jobs: Record<string, JobSchema>) {
  const checks = new Map<string, ValidateFunction>();
  return (type: string, given: Record<string, unknown>): Record<string, unknown> => {
    const job = JSON.parse(JSON.stringify(given)) as Record<string, unknown>;
    const schema = jobs[type]!;
    // Which settings there are follows from the tags: a check for each combination.
    const strays = Object.entries(schema.properties).flatMap(([name, property]) => {
      const tag = strayBy(property, job, schema);
      return tag === null ? [] : [{ name, tag }];
    });
    const givenStrays = strays.filter(({ name }) => name in job);
    if (givenStrays.length > 0) {
      const problems = givenStrays.map(
        ({ name, tag }) => `${name} does not belong to a job whose ${tag} is ${JSON.stringify(job[tag])}`,
      );
      throw settingInvalid(
        problems,
        givenStrays.map(({ name }) => name),
      );
    }
    const absent = new Set(strays.map(({ name }) => name));
    const check = compiled(checks, `${type} ${[...absent].join(' ')}`, {
      ...schema,
      properties: Object.fromEntries(Object.entries(schema.properties).filter(([name]) => !absent.has(name))),
    });
    if (check(job)) return job;
    const errors = check.errors ?? [];
    throw settingInvalid(errors.map(describe), errors.map(settingName));
  };
}

/**
 * Reads one line of the trainer's stdout.
 *
 * @returns the event, or null for a type that this version doesn't know
 * @throws ForjaError protocol_violation when the line is no event, or lacks a field that its type must have
 */
export function parseEvent(line: string): TrainerEvent | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw violation('The trainer wrote a line that is not JSON.', line);
  }
  if (!compiled(eventChecks, '', { ...eventsSchema, $defs: undefined })(value)) {
    throw violation('The trainer wrote a line that is not an event.', line);
  }
  const event = value as TrainerEvent;
  const schema = (eventsSchema.$defs as Record<string, object>)[event.type];
  if (schema === undefined || event.type.startsWith('result_')) return null;
  const check = compiled(eventChecks, event.type, schema);
  if (!check(event.data)) {
    throw violation(`The trainer's ${event.type} event is not as declared: ${ajv.errorsText(check.errors)}.`, line);
  }
  if (event.type === 'result') checkResult(event.data, line);
  return event;
}

/** Whether a result belongs to a job type, so that its fields are known. */
export function isResultOf<Type extends JobType>(type: Type, result: EventData['result']): result is JobResults[Type] {
  return (result.job as string) === type;
}

function checkResult(data: EventData['result'], line: string): void {
  const { job } = data;
  const check = compiled(
    eventChecks,
    `result_${job}`,
    (eventsSchema.$defs as Record<string, object>)[`result_${job}`] ?? {},
  );
  if (!check(data)) {
    throw violation(`The trainer's ${job} result is not as declared: ${ajv.errorsText(check.errors)}.`, line);
  }
}

function compiled<Key>(cache: Map<Key, ValidateFunction>, key: Key, schema: object): ValidateFunction {
  let check = cache.get(key);
  if (check === undefined) {
    check = ajv.compile(schema);
    cache.set(key, check);
  }
  return check;
}

function violation(message: string, line: string): ForjaError {
  return new ForjaError(
    'protocol_violation',
    message,
    'The trainer and the app are of different builds: run `npm run setup` to build the trainer anew.',
    { line: line.slice(0, 500) },
  );
}

function settingInvalid(problems: string[], settings: string[]): ForjaError {
  return new ForjaError('setting_invalid', problems.join('; '), 'Correct the settings named above.', { settings });
}

function settingName(error: ErrorObject): string {
  return error.instancePath.split('/')[1] ?? (error.params as { missingProperty?: string }).missingProperty ?? '';
}

function describe(error: ErrorObject): string {
  const name = settingName(error);
  if (error.keyword === 'required') return `${name} is missing`;
  if (error.keyword === 'enum') {
    return `${name} must be one of ${(error.params as { allowedValues: unknown[] }).allowedValues.join(', ')}`;
  }
  return `${name} ${error.message ?? 'is not valid'}`;
}
