import { ForjaError } from '../contracts/errors.ts';
import { openReader } from '../datasets/index.ts';

/** A question with options, whatever its file calls them. */
export interface ChoiceRow {
  line: number;
  question: string;
  options: string[];
  /** Which option is right, from 0. */
  right: number;
  /** What accuracy is told by, too; null where no column names one. */
  subject: string | null;
}

type Row = Record<string, unknown>;

const QUESTION = ['question', 'prompt', 'instruction', 'query', 'input'];
const OPTION_LISTS = ['options', 'choices', 'endings'];
/** Columns of one option each: MMLU's CSV files, medmcqa's, and what spreadsheets have. */
const OPTION_COLUMNS = [
  ['A', 'B', 'C', 'D', 'E', 'F'],
  ['a', 'b', 'c', 'd', 'e', 'f'],
  ['opa', 'opb', 'opc', 'opd', 'ope'],
  ['option_a', 'option_b', 'option_c', 'option_d', 'option_e'],
  ['option1', 'option2', 'option3', 'option4', 'option5'],
];
const ANSWER = ['answer', 'cop', 'answerKey', 'answer_index', 'label', 'correct', 'target'];
const SUBJECT = ['subject', 'subject_name', 'category', 'topic'];

export interface ChoiceFile {
  rows: ChoiceRow[];
  /** Rows that are no question with options, and the first of them. */
  refused: { line: number; reason: string }[];
}

/**
 * Reads questions with options. Known are `options` or `choices` as a list (or `{text, label}`, or a list written as JSON), columns A to D,
 * medmcqa's opa to opd with cop, and MMLU's choices with a number; the answer is a letter, a position or an option's own text.
 *
 * @throws DatasetError as openReader; ForjaError evaluation_rows_unfit where no row is such a question
 */
export async function readChoiceRows(path: string): Promise<ChoiceFile> {
  const reader = await openReader(path);
  const found: { line: number; row: Row }[] = [];
  const refused: ChoiceFile['refused'] = [];
  for await (const { rows } of reader.batches()) {
    for (const { line, value, refusal } of rows) {
      if (value === undefined) refused.push({ line, reason: refusal.message });
      else found.push({ line, row: value });
    }
  }
  const first = firstPosition(found.map(({ row }) => row));
  const rows: ChoiceRow[] = [];
  for (const { line, row } of found) {
    const read = readRow(row, first);
    if (typeof read === 'string') refused.push({ line, reason: read });
    else rows.push({ line, ...read });
  }
  if (rows.length > 0) return { rows, refused: refused.sort((a, b) => a.line - b.line) };
  const columns = [...new Set(found.slice(0, 50).flatMap(({ row }) => Object.keys(row)))];
  throw new ForjaError(
    'evaluation_rows_unfit',
    `No row of ${path} is a question with options: ${refused[0]?.reason ?? 'it holds no row'}`,
    'Rows need a question, options (a list, or columns A to D) and an answer (a letter, a position or an option).',
    { path, metric: 'multiple_choice', reason: refused[0]?.reason ?? '', found: columns },
  );
}

function readRow(row: Row, first: 0 | 1): Omit<ChoiceRow, 'line'> | string {
  const question = textOf(row, QUESTION);
  if (question === null) return `it has no ${QUESTION.slice(0, 2).join(' or ')}`;
  const found = optionsOf(row);
  if (found === null || found.options.length < 2) return 'it has no options';
  const { options, labels } = found;
  const column = ANSWER.find((name) => row[name] !== undefined && row[name] !== null);
  if (column === undefined) return 'it has no answer';
  const right = rightOf(row[column], options, labels, first);
  if (right === null) return `its ${column} ${JSON.stringify(row[column])} names none of ${options.length} options`;
  return { question, options, right, subject: textOf(row, SUBJECT) };
}

function textOf(row: Row, names: readonly string[]): string | null {
  const value = names.map((name) => row[name]).find((one) => typeof one === 'string' && one.trim() !== '');
  return typeof value === 'string' ? value.trim() : null;
}

function optionsOf(row: Row): { options: string[]; labels: string[] | null } | null {
  for (const name of OPTION_LISTS) {
    const value = listed(row[name]);
    if (value === undefined || value === null) continue;
    if (Array.isArray(value)) return { options: value.map(asText), labels: null };
    if (typeof value !== 'object') continue;
    const { text, label } = value as { text?: unknown; label?: unknown };
    // ARC's shape.
    if (Array.isArray(text))
      return { options: text.map(asText), labels: Array.isArray(label) ? label.map(asText) : null };
    return { options: Object.values(value).map(asText), labels: Object.keys(value) };
  }
  for (const names of OPTION_COLUMNS) {
    const present = names.filter((name) => row[name] !== undefined && row[name] !== null && asText(row[name]) !== '');
    if (present.length >= 2 && present.every((name, at) => name === names[at]))
      return { options: present.map((name) => asText(row[name])), labels: null };
  }
  return null;
}

/** A list that a CSV file holds as JSON. */
function listed(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

const asText = (value: unknown) => (typeof value === 'string' ? value.trim() : JSON.stringify(value));

function rightOf(answer: unknown, options: string[], labels: string[] | null, first: 0 | 1): number | null {
  const text = asText(answer);
  const among = (list: readonly string[]) => (list.indexOf(text) >= 0 ? list.indexOf(text) : null);
  const labelled = labels === null ? null : among(labels);
  if (labelled !== null) return labelled;
  const letter = /^\(?([A-Ha-h])[).]?$/.exec(text)?.[1];
  const place =
    letter !== undefined ? letter.toUpperCase().charCodeAt(0) - 65 : /^\d+$/.test(text) ? Number(text) - first : null;
  // An option may itself be a number: a number as JSON has it, or one that is no option, is a position.
  const own = typeof answer === 'number' ? null : among(options);
  const right = own ?? place;
  return right !== null && right >= 0 && right < options.length ? right : null;
}

/**
 * Whether positions count from 0 or from 1: medmcqa comes both ways. Told by the file: one that never says 0 and says a position
 * beyond the last from 0 counts from 1.
 */
function firstPosition(rows: readonly Row[]): 0 | 1 {
  let isBeyond = false;
  for (const row of rows) {
    const column = ANSWER.find((name) => row[name] !== undefined && row[name] !== null);
    const text = column === undefined ? '' : asText(row[column]);
    if (!/^\d+$/.test(text)) continue;
    if (Number(text) === 0) return 0;
    isBeyond ||= Number(text) === optionsOf(row)?.options.length;
  }
  return isBeyond ? 1 : 0;
}
