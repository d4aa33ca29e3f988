import { DatasetError } from '../errors.ts';
import type { ColumnMap, ColumnPart, RowFormat } from '../types.ts';
import type { Row } from './values.ts';

/** Names under which the parts of a format are found, best first. */
const ALIASES: Record<ColumnPart, string[]> = {
  instruction: ['instruction'],
  input: ['input', 'context'],
  output: ['output', 'response'],
  system: ['system', 'system_prompt'],
  prompt: ['prompt', 'question', 'input', 'query', 'user'],
  completion: ['completion', 'response', 'answer', 'output', 'assistant'],
  messages: ['messages', 'conversations', 'conversation'],
  conversations: ['conversations', 'conversation', 'messages'],
  text: ['text', 'content'],
};

interface FormatRule {
  format: RowFormat;
  required: ColumnPart[];
  optional: ColumnPart[];
}

/** In this order: instruction and output make a row Alpaca whatever else it holds. */
const RULES: FormatRule[] = [
  { format: 'alpaca', required: ['instruction', 'output'], optional: ['input', 'system'] },
  { format: 'messages', required: ['messages'], optional: ['system'] },
  { format: 'sharegpt', required: ['conversations'], optional: ['system'] },
  { format: 'prompt_completion', required: ['prompt', 'completion'], optional: ['system'] },
  { format: 'text', required: ['text'], optional: [] },
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
 * @throws DatasetError dataset_format_unknown, dataset_column_missing
 */
export function chooseFormat(path: string, rows: Row[], wanted: RowFormat | 'auto', mapping: ColumnMap): FormatChoice {
  checkMapping(path, rows, mapping);
  const rules = wanted === 'auto' ? RULES : RULES.filter((rule) => rule.format === wanted);
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
  if (best === null) throw unknownFormat(path, rows, wanted);
  const named = best.rule.required.map((part) => `"${best.columns[part]}"`).join(' and ');
  const reason =
    wanted === 'auto' ? `${best.fits} of the first ${rows.length} rows have ${named}` : `asked for; read from ${named}`;
  return { format: best.rule.format, columns: best.columns, reason };
}

function columnsOf(rule: FormatRule, row: Row, mapping: ColumnMap): ColumnMap | null {
  const columns: ColumnMap = {};
  for (const part of rule.required) {
    const column = mapping[part] ?? ALIASES[part].find((name) => row[name] !== undefined && fitsPart(part, row[name]));
    if (column === undefined || row[column] === undefined || !fitsPart(part, row[column])) return null;
    columns[part] = column;
  }
  const taken = new Set(Object.values(columns));
  for (const part of rule.optional) {
    const column = mapping[part] ?? ALIASES[part].find((name) => row[name] !== undefined && !taken.has(name));
    if (column !== undefined) columns[part] = column;
  }
  return columns;
}

/** Whether a value looks like what the part holds: lists of the right turns, or anything else for text. */
function fitsPart(part: ColumnPart, value: unknown): boolean {
  if (part !== 'messages' && part !== 'conversations') return !Array.isArray(value);
  let list = value;
  if (typeof value === 'string' && value.trimStart().startsWith('[')) {
    try {
      list = JSON.parse(value) as unknown;
    } catch {
      return false;
    }
  }
  if (!Array.isArray(list)) return false;
  const first: unknown = list[0];
  if (typeof first !== 'object' || first === null) return false;
  return part === 'messages' ? 'role' in first : 'from' in first;
}

function checkMapping(path: string, rows: Row[], mapping: ColumnMap): void {
  for (const [part, column] of Object.entries(mapping) as [string, string | undefined][]) {
    if (column === undefined || rows.some((row) => row[column] !== undefined)) continue;
    const found = columnNames(rows);
    throw new DatasetError(
      'dataset_column_missing',
      `The dataset ${path} has no column "${column}" (wanted as ${part}); it has ${found.join(', ')}.`,
      'Name one of the columns that the file has.',
      { path, part, column, found },
    );
  }
}

function unknownFormat(path: string, rows: Row[], wanted: RowFormat | 'auto'): DatasetError {
  const found = columnNames(rows);
  const list = found.length === 0 ? 'no columns' : `the columns ${found.join(', ')}`;
  const message =
    wanted === 'auto'
      ? `The format of ${path} was not recognised: its first rows have ${list}.`
      : `The dataset ${path} is not in the format ${wanted}: its first rows have ${list}.`;
  return new DatasetError(
    'dataset_format_unknown',
    message,
    'Known are instruction/output (alpaca), messages, conversations (sharegpt), prompt/completion and text. Rename the columns, or say which column plays which part.',
    { path, wanted, found },
  );
}

function columnNames(rows: Row[]): string[] {
  const names = new Set<string>();
  for (const row of rows) for (const name of Object.keys(row)) names.add(name);
  return [...names].slice(0, 20);
}
