import { DatasetError } from '../errors.ts';
import type { ColumnMap, ColumnPart, RowFormat } from '../types.ts';
import { takesFormat, type ObjectiveName } from '../objectives.ts';
import { ALIASES, ALIASES_BESIDE_PROMPT, columnNamed, PAIRS } from './column-names.ts';
import { yesOrNo } from './flags.ts';
import { typeName, type Row } from './values.ts';

interface FormatRule {
  format: RowFormat;
  required: ColumnPart[];
  optional: ColumnPart[];
}

/** In this order: a chosen and a rejected answer make a row a pair, instruction and output make a row Alpaca whatever else it holds. */
const RULES: FormatRule[] = [
  { format: 'preference', required: ['chosen', 'rejected'], optional: ['prompt', 'system'] },
  { format: 'alpaca', required: ['instruction', 'output'], optional: ['input', 'system'] },
  { format: 'messages', required: ['messages'], optional: ['system'] },
  { format: 'sharegpt', required: ['conversations'], optional: ['system'] },
  { format: 'prompt_completion', required: ['prompt', 'completion'], optional: ['system', 'input'] },
  { format: 'text', required: ['text'], optional: [] },
  { format: 'labelled', required: ['prompt', 'completion', 'label'], optional: ['system', 'input'] },
];

export interface FormatChoice {
  format: RowFormat;
  columns: ColumnMap;
  reason: string;
}

/**
 * The format of a dataset, from its first rows: the one that most of them fit.
 *
 * @param rows the first readable rows
 * @param wanted a format the person asked for, or `auto`
 * @param mapping columns the person named; they win over the usual names
 * @param objective what is to be learned; without one, rows of any kind are recognised
 * @throws DatasetError dataset_format_unknown, dataset_column_missing, dataset_turns_as_rows, dataset_preference_pairs,
 *   dataset_unfit_objective
 */
export function chooseFormat(
  path: string,
  rows: Row[],
  wanted: RowFormat | 'auto',
  mapping: ColumnMap,
  objective?: ObjectiveName,
): FormatChoice {
  checkMapping(path, rows, mapping);
  const rules = RULES.filter(({ format }) =>
    wanted === 'auto'
      ? takesFormat(objective, format)
      : format === wanted && (objective === undefined || takesFormat(objective, format)),
  );
  let best: { rule: FormatRule; columns: ColumnMap; fits: number } | null = null;
  for (const rule of rules) {
    const votes = new Map<string, { columns: ColumnMap; fits: number }>();
    for (const row of rows) {
      const columns = columnsOf(rule, row, mapping);
      if (columns === null) continue;
      const key = rule.required.map((part) => columns[part]).join('\0');
      const vote = votes.get(key) ?? { columns, fits: 0 };
      vote.fits += 1;
      // A later row may hold an optional column that the first one lacked.
      votes.set(key, { columns: { ...columns, ...vote.columns }, fits: vote.fits });
    }
    for (const { columns, fits } of votes.values())
      if (best === null || fits > best.fits) best = { rule, columns, fits };
  }
  if (best === null) throw unfitObjective(path, rows, wanted, objective) ?? unknownFormat(path, rows, wanted);
  if (best.rule.format === 'text' && wanted === 'auto') refuseTurns(path, rows, best.columns.text!);
  const named = best.rule.required.map((part) => `"${best.columns[part]}"`).join(' and ');
  const reason =
    wanted === 'auto' ? `${best.fits} of the first ${rows.length} rows have ${named}` : `asked for; read from ${named}`;
  return { format: best.rule.format, columns: best.columns, reason };
}

/** Whether a row has all that a conversation needs: its turns, or what is asked and what is answered. */
export function isRowOfChat(row: Row): boolean {
  return RULES.some((rule) => rule.format !== 'text' && columnsOf(rule, row, {}) !== null);
}

/** @param mapping a column's name, or an empty one for a part that is to be left out */
function columnsOf(rule: FormatRule, row: Row, mapping: ColumnMap): ColumnMap | null {
  const columns = requiredColumns(rule, row, mapping) ?? pairOf(rule, row, mapping);
  if (columns === null) return null;
  const taken = new Set(Object.values(columns));
  for (const part of rule.optional) {
    if (mapping[part] === '') continue;
    const names = (rule.required.includes('completion') && ALIASES_BESIDE_PROMPT[part]) || ALIASES[part];
    const found = names.map((name) => columnNamed(row, name)).find((name) => name !== undefined && !taken.has(name));
    const column = mapping[part] ?? found;
    if (column !== undefined) columns[part] = column;
  }
  return columns;
}

function requiredColumns(rule: FormatRule, row: Row, mapping: ColumnMap): ColumnMap | null {
  const columns: ColumnMap = {};
  for (const part of rule.required) {
    const fits = (name: string | undefined) => name !== undefined && fitsPart(part, row[name]);
    const column = mapping[part] || ALIASES[part].map((name) => columnNamed(row, name)).find(fits);
    if (column === undefined || row[column] === undefined || !fitsPart(part, row[column])) return null;
    columns[part] = column;
  }
  return columns;
}

/** Question and answer under names that count together only. */
function pairOf(rule: FormatRule, row: Row, mapping: ColumnMap): ColumnMap | null {
  if (rule.format !== 'prompt_completion' || mapping.prompt || mapping.completion) return null;
  for (const [question, answer] of PAIRS) {
    const prompt = columnNamed(row, question);
    const completion = columnNamed(row, answer);
    if (prompt === undefined || completion === undefined) continue;
    if (fitsPart('prompt', row[prompt]) && fitsPart('completion', row[completion])) return { prompt, completion };
  }
  return null;
}

/** Whether a value looks like what the part holds: lists of the right turns, or for text anything that can be written as text. */
function fitsPart(part: ColumnPart, value: unknown): boolean {
  if (part === 'label') return yesOrNo(value) !== null;
  if (part === 'prompt' || part === 'completion' || part === 'chosen' || part === 'rejected')
    return isText(value) || (Array.isArray(value) && turnKey(value) === 'role');
  if (part !== 'messages' && part !== 'conversations') return isText(value);
  return turnKey(value) === (part === 'messages' ? 'role' : 'from');
}

const isText = (value: unknown) => typeof value !== 'object' || value === null;

/** What the first turn of a list of turns names its speaker with; null for anything else. */
function turnKey(value: unknown): 'role' | 'from' | null {
  let list = value;
  if (typeof value === 'string' && value.trimStart().startsWith('[')) {
    try {
      list = JSON.parse(value) as unknown;
    } catch {
      return null;
    }
  }
  const first: unknown = Array.isArray(list) ? list[0] : null;
  if (typeof first !== 'object' || first === null) return null;
  return 'role' in first ? 'role' : 'from' in first ? 'from' : null;
}

/** A row with a speaker beside its text is a turn of a conversation, whose other turns are other rows. */
function refuseTurns(path: string, rows: Row[], column: string): void {
  const speaker = ['role', 'from', 'speaker', 'sender'].find((name) =>
    rows.some((row) => typeof row[name] === 'string' && row[column] !== undefined),
  );
  if (speaker === undefined) return;
  throw new DatasetError(
    'dataset_turns_as_rows',
    `Each row of ${path} is a single turn: "${speaker}" beside "${column}". Which turns make a conversation can't be told.`,
    'Put all turns of a conversation into one row: {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}.',
    { path, speaker, column },
  );
}

function checkMapping(path: string, rows: Row[], mapping: ColumnMap): void {
  for (const [part, column] of Object.entries(mapping) as [string, string | undefined][]) {
    if (column === undefined || column === '' || rows.some((row) => row[column] !== undefined)) continue;
    const found = columnNames(rows);
    throw new DatasetError(
      'dataset_column_missing',
      `The dataset ${path} has no column "${column}" (wanted as ${part}); it has ${found.join(', ')}.`,
      'Name one of the columns that the file has.',
      { path, part, column, found },
    );
  }
}

/** Rows of another kind than the objective learns from; null where they are of no known kind. */
function unfitObjective(
  path: string,
  rows: Row[],
  wanted: RowFormat | 'auto',
  objective: ObjectiveName | undefined,
): DatasetError | null {
  if (objective === undefined) return null;
  const found = columnNames(rows);
  if (objective === 'sft') {
    if (!(found.includes('chosen') && found.includes('rejected')) && wanted !== 'labelled') return null;
    return new DatasetError(
      'dataset_preference_pairs',
      `The rows of ${path} say which answers a person prefers, and the objective sft learns to give every answer.`,
      'Learn from the preferences with the objective dpo (kto for single answers with a label). To learn the chosen answers alone, rename "chosen" to "completion", or to "messages" where it holds turns.',
      { path, found },
    );
  }
  const isKto = objective === 'kto';
  return new DatasetError(
    'dataset_unfit_objective',
    isKto
      ? `The objective kto learns from answers that are marked as good or bad: "prompt", "completion" and "label" (true or false). The first rows of ${path} have ${found.join(', ') || 'no columns'}.`
      : `The objective ${objective} learns from pairs of answers: "prompt", "chosen" and "rejected". The first rows of ${path} have ${found.join(', ') || 'no columns'}.`,
    'Choose a dataset of that kind, say which column plays which part, or learn the answers themselves with the objective sft.',
    { path, objective, wanted: isKto ? 'prompt, completion, label' : 'prompt, chosen, rejected', found },
  );
}

function unknownFormat(path: string, rows: Row[], wanted: RowFormat | 'auto'): DatasetError {
  const found = columnNames(rows);
  const list = found.length === 0 ? 'no columns' : `the columns ${found.join(', ')}`;
  const wrong = wrongTypes(rows, wanted);
  const types = wrong.map(({ column, type }) => `"${column}" is ${type}`).join(', ');
  const fault = types === '' ? '' : `, and ${types}`;
  const message =
    wanted === 'auto'
      ? `The format of ${path} was not recognised: its first rows have ${list}${fault}.`
      : `The dataset ${path} is not in the format ${wanted}: its first rows have ${list}${fault}.`;
  const known =
    'Known are instruction/output (alpaca), messages, conversations (sharegpt), prompt/completion, text and prompt/chosen/rejected.';
  const hint =
    types === ''
      ? `${known} Rename the columns, or say which column plays which part.`
      : `${known} Turns are lists of objects with "role" and "content" (or "from" and "value"); all else is text.`;
  return new DatasetError('dataset_format_unknown', message, hint, { path, wanted, found, wrong_types: types });
}

/** Columns that have a usual name and a value that is not what this part holds. */
function wrongTypes(rows: Row[], wanted: RowFormat | 'auto'): { column: string; type: string }[] {
  const found = new Map<string, string>();
  for (const { format, required } of RULES) {
    // A label may be anything: it is looked at only where labelled rows are asked for.
    if (wanted === 'auto' ? format === 'labelled' : wanted !== format) continue;
    for (const part of required) {
      for (const name of ALIASES[part]) {
        const row = rows.find((one) => (one[columnNamed(one, name) ?? ''] ?? null) !== null);
        const column = row === undefined ? undefined : columnNamed(row, name);
        if (row === undefined || column === undefined || found.has(column)) continue;
        if (!fitsPart(part, row[column])) found.set(column, describe(row[column]));
      }
    }
  }
  return [...found].map(([column, type]) => ({ column, type }));
}

/** A value's type, and of a list that of its first value. */
function describe(value: unknown): string {
  if (!Array.isArray(value) || value.length === 0) return typeName(value);
  const first: unknown = value[0];
  const keys =
    typeof first === 'object' && first !== null && !Array.isArray(first) ? Object.keys(first).slice(0, 4) : [];
  return `a list of ${keys.length > 0 ? `objects with ${keys.join(', ')}` : typeName(first)}`;
}

function columnNames(rows: Row[]): string[] {
  const names = new Set<string>();
  for (const row of rows) for (const name of Object.keys(row)) names.add(name);
  return [...names].slice(0, 20);
}
