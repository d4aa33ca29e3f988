/** native/protocol/job.schema.json with its references resolved: each setting is declared once, whatever jobs have it. */
import type { TrainSettings } from './protocol-types.ts';
import jobSchema from '../../native/protocol/job.schema.json' with { type: 'json' };

/** Which part of the screen and of the help a setting is in. */
export type SettingSection = keyof typeof jobSchema.sections;
export type SettingUnit = 'tokens' | 'steps' | 'rows' | 'bytes' | 'share';
export type SettingEffect = 'result' | 'dataset' | 'memory' | 'time';
/** Whether a setting may change when a run goes on; `setting_keywords` in the schema says what each means. */
export type ResumeRule = 'fixed' | 'warned' | 'free';

/** What native/protocol says of a setting besides its type; `setting_keywords` in the schema says what each means. */
export interface SettingNotes {
  section: SettingSection;
  on_resume: ResumeRule;
  unit?: SettingUnit;
  advanced?: boolean;
  affects?: SettingEffect[];
  methods?: string[];
  objectives?: string[];
  struct?: string;
}

/** A field of a job as native/protocol declares it. One with `setting` is a person's choice; the core fills in the others. */
export interface SettingSchema {
  type?: string | string[];
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  items?: { enum?: unknown[] };
  setting?: SettingNotes;
}

export interface JobSchema {
  description: string;
  properties: Record<string, SettingSchema>;
  required: string[];
}

/** A schema as the file has it: a field may refer to one of another job, and change some of it. */
export interface JobSchemaFile {
  $defs: Record<string, { properties: Record<string, object> }>;
}

/** The sections in the order of the screen and of the help, with their English titles. */
export const SECTIONS = Object.entries(jobSchema.sections) as [SettingSection, string][];

/** The values of the setting `method`. */
export const METHODS = jobSchema.$defs.train.properties.method.enum as TrainSettings['method'][];

/** Whether the result of a method can be exported in a format. */
export function canExport(method: string, format: keyof typeof jobSchema.export_methods): boolean {
  return jobSchema.export_methods[format].includes(method);
}

/** The job types by name, with references resolved. */
export const JOBS = resolveJobs(jobSchema) as Record<keyof typeof jobSchema.$defs, JobSchema>;

/** @throws Error when a reference leads nowhere: a fault of the schema */
export function resolveJobs(file: JobSchemaFile): Record<string, JobSchema> {
  const resolve = (property: SettingSchema & { $ref?: string }): SettingSchema => {
    if (property.$ref === undefined) return property;
    const { $ref, ...own } = property;
    const [, job = '', name = ''] = /^#\/\$defs\/(\w+)\/properties\/(\w+)$/.exec($ref) ?? [];
    const found = file.$defs[job]?.properties[name];
    if (found === undefined) throw new Error(`The schema of jobs has no ${$ref}`);
    return { ...resolve(found), ...own };
  };
  return Object.fromEntries(
    Object.entries(file.$defs).map(([type, job]) => {
      const properties = Object.entries(job.properties).map(([name, property]) => [name, resolve(property)]);
      return [type, { ...job, properties: Object.fromEntries(properties) as JobSchema['properties'] } as JobSchema];
    }),
  );
}

/** The two settings whose value decides which others there are, and the keyword by which those name the values. */
export const TAGS = { method: 'methods', objective: 'objectives' } as const;

/**
 * The tag that keeps a setting out of a job: `method` when the job is of a method that does not have it, else `objective`
 * alike; null when the job has it. A tag that the job does not give counts as its default.
 */
export function strayBy(setting: SettingSchema, job: Record<string, unknown>, schema: JobSchema): string | null {
  for (const [tag, keyword] of Object.entries(TAGS)) {
    const values = setting.setting?.[keyword];
    const declared = schema.properties[tag];
    if (values === undefined || declared === undefined) continue;
    if (!values.includes((job[tag] ?? declared.default) as string)) return tag;
  }
  return null;
}
