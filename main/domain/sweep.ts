import { ForjaError } from '../contracts/errors.ts';
import { JOBS, type SettingSchema } from '../contracts/job-schema.ts';

export const SEARCHES = ['grid', 'random', 'halving'] as const;
export type Search = (typeof SEARCHES)[number];

/** What a setting is tried with: some values, or any number of a range. */
export type Varied = { name: string } & ({ values: unknown[] } | { low: number; high: number });

/** The settings of one run of a sweep that differ from those of the others. */
export type Trial = Record<string, unknown>;

/** Settings by which the rows that are held out, or the loss on them, would differ from run to run. */
const SAME_FOR_ALL = new Set(['split_seed', 'max_val_rows', 'max_seq_len', 'text_overlap_tokens', 'eval_steps']);

/** A range that spans this factor or more is searched by its logarithm. */
const LOG_FROM = 10;

/**
 * Reads `learning_rate=1e-4,3e-4` or `learning_rate=1e-5..1e-3`; lists such as target_modules have `+` between their parts.
 * @throws ForjaError usage
 */
export function readVaried(text: string): Varied {
  const [left = '', right = ''] = text.split(/=(.*)/s);
  const name = left.trim().replaceAll('-', '_');
  const schema = JOBS.train.properties[name];
  if (schema?.setting === undefined) throw refuse(text, `there is no setting "${left.trim()}"`);
  if (SAME_FOR_ALL.has(name) || name.endsWith('_path')) {
    throw refuse(text, `${name} must be the same for all runs, or they could not be compared`);
  }
  const range = /^(.+)\.\.(.+)$/.exec(right);
  if (range !== null) {
    const [low, high] = [Number(range[1]), Number(range[2])];
    if (!isNumber(schema)) throw refuse(text, `${name} is no number, so it has no range`);
    if (!Number.isFinite(low) || !Number.isFinite(high) || low >= high) throw refuse(text, 'a range is LOW..HIGH');
    return { name, low, high };
  }
  const values = right.split(',').map((word) => valueOf(word.trim(), schema));
  if (right.trim() === '' || values.includes(undefined)) throw refuse(text, 'a value is missing or is none');
  return { name, values };
}

/** Every combination, the last setting changing fastest. @throws ForjaError usage for a range */
export function gridOf(varied: readonly Varied[]): Trial[] {
  return varied.reduce<Trial[]>(
    (trials, one) => {
      if (!('values' in one)) throw refuse(one.name, 'a grid has values, not ranges: use --search random');
      return trials.flatMap((trial) => one.values.map((value) => ({ ...trial, [one.name]: value })));
    },
    [{}],
  );
}

/**
 * So many combinations at random, each once. A range that spans a factor of ten or more is drawn by its logarithm.
 * @param seed the same one draws the same
 * @returns fewer where there are no more
 */
export function drawn(varied: readonly Varied[], n: number, seed: number): Trial[] {
  const chance = uniform(seed);
  const trials = new Map<string, Trial>();
  for (let tries = 0; trials.size < n && tries < 100 * n; tries += 1) {
    const trial = Object.fromEntries(varied.map((one) => [one.name, draw(one, chance())]));
    trials.set(JSON.stringify(trial), trial);
  }
  return [...trials.values()];
}

/**
 * Successive halving: after each rung the better half goes on. @returns the share of its steps that a run does by each rung, the last
 * being 1: for eight runs 1/8, 1/4, 1/2, 1
 */
export function rungs(n: number): number[] {
  const halvings = Math.max(0, Math.ceil(Math.log2(n)));
  return Array.from({ length: halvings + 1 }, (_, at) => 2 ** (at - halvings));
}

function draw(one: Varied, chance: number): unknown {
  if ('values' in one) return one.values[Math.floor(chance * one.values.length)];
  const { name, low, high } = one;
  const isLog = low > 0 && high / low >= LOG_FROM;
  const value = isLog ? low * (high / low) ** chance : low + chance * (high - low);
  return isWhole(JOBS.train.properties[name]) ? Math.round(value) : Number(value.toPrecision(3));
}

function valueOf(word: string, schema: SettingSchema): unknown {
  const types = [schema.type].flat();
  if (word === '') return undefined;
  if (types.includes('array')) {
    return word === 'all-linear' ? schema.items?.enum : word.split('+').map((part) => part.replace(/_proj$/, ''));
  }
  if (types.includes('boolean')) return word === 'true' ? true : word === 'false' ? false : undefined;
  if (isNumber(schema)) return Number.isFinite(Number(word)) ? Number(word) : undefined;
  return word;
}

const isWhole = (schema: SettingSchema | undefined) => [schema?.type].flat().includes('integer');
const isNumber = (schema: SettingSchema) => isWhole(schema) || [schema.type].flat().includes('number');

function refuse(text: string, why: string): ForjaError {
  return new ForjaError('usage', `--vary ${text}: ${why}.`, 'Write --vary learning_rate=1e-4,3e-4 or =1e-5..1e-3.', {
    option: 'vary',
    value: text,
  });
}

/** Numbers from 0 to below 1 (mulberry32). */
function uniform(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
