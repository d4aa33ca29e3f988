import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import eventsSchema from '../../native/protocol/events.schema.json' with { type: 'json' };
import jobSchema from '../../native/protocol/job.schema.json' with { type: 'json' };
import { ForjaError } from './errors.ts';
import type { EventData, JobResults, TrainerJob } from './protocol-types.ts';

/** The protocol's major version: a trainer with another is refused. */
export const PROTOCOL_MAJOR = 1;

export type JobType = TrainerJob['type'];
export type JobOf<Type extends JobType> = Extract<TrainerJob, { type: Type }>;
export type EventType = keyof EventData;

/** One line of the trainer's stdout, by its type. */
export type TrainerEvent = {
  [Type in EventType]: { type: Type; seq: number; time_ms: number; data: EventData[Type] };
}[EventType];

/** A setting as native/protocol declares it; from it come the options of the command line and, later, the screens. */
export interface SettingSchema {
  type?: string | string[];
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  items?: { enum?: unknown[] };
}

type Properties = Record<string, SettingSchema>;

/** The settings of a job type, by name. */
export function jobSettings(type: JobType): Properties {
  return jobSchema.$defs[type].properties;
}

const ajv = new Ajv2020({ useDefaults: true, allErrors: true, allowUnionTypes: true, strictTuples: false });
const jobChecks = new Map<JobType, ValidateFunction>();
const eventChecks = new Map<string, ValidateFunction>();

/**
 * Fills in the defaults of a job and checks it.
 *
 * @param type what the trainer shall do
 * @param settings the settings that differ from the defaults; the object is not changed
 * @throws ForjaError setting_invalid, naming each setting that is out of range
 */
export function completeJob<Type extends JobType>(type: Type, settings: Partial<JobOf<Type>>): JobOf<Type> {
  const job = JSON.parse(JSON.stringify({ ...settings, protocol_major: PROTOCOL_MAJOR, type })) as JobOf<Type>;
  const check = compiled(jobChecks, type, jobSchema.$defs[type]);
  if (check(job)) return job;
  const problems = (check.errors ?? []).map((error) => describe(error));
  throw new ForjaError('setting_invalid', problems.join('; '), 'Correct the settings named above.', {
    settings: (check.errors ?? []).map((error) => settingName(error)),
  });
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
