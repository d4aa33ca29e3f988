import type { ErrorObject, ValidateFunction } from 'ajv';

/** A text read as JSON, in a code fence or not; undefined where it is none. */
export function readJson(text: string): unknown {
  const fenced = /^\s*```(?:json)?\s*\n([\s\S]*?)\n?\s*```\s*$/.exec(text);
  try {
    return JSON.parse(fenced?.[1] ?? text) as unknown;
  } catch {
    return undefined;
  }
}

/** Of each field whether it is right, by its path (`items/0/size`). */
export type FieldResults = Map<string, boolean>;

/**
 * Compares an answer with the expected one, field by field: a field is a value that is no object and no list, or an empty one. A field
 * is right when the answer has the same value at the same path. Fields that only the answer has are wrong. With a schema, a field at or
 * below which the answer breaks it is wrong, too; where the expected answer is no JSON, the schema's own properties are the fields.
 */
export function compareFields(answer: string, expected: string, schema: ValidateFunction | null): FieldResults {
  const got = readJson(answer);
  const wanted = readJson(expected);
  const results: FieldResults = new Map();
  const ours = got === undefined ? new Map<string, string>() : leavesOf(got);
  if (wanted !== undefined) {
    const theirs = leavesOf(wanted);
    for (const [path, value] of theirs) results.set(path, ours.get(path) === value);
    for (const path of ours.keys()) if (!theirs.has(path)) results.set(path, false);
  }
  if (schema === null) return results;
  if (wanted === undefined) for (const name of propertiesOf(schema)) results.set(name, got !== undefined);
  if (got === undefined || schema(got)) return results;
  for (const place of (schema.errors ?? []).map(placeOf)) {
    const below = [...results.keys()].filter((path) => place === '' || path === place || path.startsWith(`${place}/`));
    // What the answer lacks is no field of it.
    for (const path of below.length > 0 ? below : [place]) results.set(path, false);
  }
  return results;
}

/** Whether a text is JSON, in a code fence or not. */
export function isValidJson(text: string): boolean {
  return readJson(text) !== undefined;
}

/** Values by their paths; an object's order of keys makes no difference. */
function leavesOf(value: unknown, path = '', leaves = new Map<string, string>()): Map<string, string> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  if (entries.length === 0) leaves.set(path, JSON.stringify(value));
  for (const [key, inner] of entries) leavesOf(inner, path === '' ? key : `${path}/${key}`, leaves);
  return leaves;
}

function propertiesOf({ schema }: ValidateFunction): string[] {
  const properties: unknown = typeof schema === 'object' ? (schema as Record<string, unknown>).properties : null;
  return Object.keys(properties ?? {});
}

/** Where an error lies: of a property that lacks or should not be there, the property itself. */
function placeOf({ instancePath, params }: ErrorObject): string {
  const named = params as { missingProperty?: string; additionalProperty?: string };
  const property = named.missingProperty ?? named.additionalProperty;
  const path = instancePath.slice(1).replaceAll('~1', '/').replaceAll('~0', '~');
  return property === undefined ? path : path === '' ? property : `${path}/${property}`;
}
