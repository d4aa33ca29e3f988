import { NOT_SHOWN } from './templates/model-template.ts';
import type { FieldQuestion } from '../contracts/refusals.ts';
import type { DatasetWarning, FileAudit, UnusedField } from './types.ts';

/** Questions that are asked of one file; every unused field is in its audit. */
const MOST_QUESTIONS = 8;

/** What a field that is not used may be, as a person would ask. */
const QUESTIONS: Record<FieldQuestion, string> = {
  reasoning: 'the thoughts before an answer',
  tools: 'tools that the assistant may call',
  context: 'what the question is about',
  history: 'earlier turns of the conversation',
  rating: 'a rating that says which answers are good',
  preference: 'an answer that was preferred to another',
  weight: 'how much a turn or row is to be learned',
  system: 'a system prompt',
  media: 'an image or another file, which is not learned from',
  split: 'which part of the data a row belongs to',
  long_text: 'text that the answer depends on',
};

/** What is worth asking or telling of a file that was read through. */
export function fileWarnings(audit: FileAudit): DatasetWarning[] {
  const asked = (audit.unused_fields ?? []).filter(({ question }) => question !== null).slice(0, MOST_QUESTIONS);
  return [...partWarnings(audit), ...asked.map((field) => unusedWarning(audit, field)), ...droppedWarnings(audit)];
}

function unusedWarning({ path, rows_used }: FileAudit, { field, rows, question }: UnusedField): DatasetWarning {
  const details = { path, field, rows, of: rows_used, question };
  if (field === NOT_SHOWN.reasoning || field === NOT_SHOWN.tools) {
    return {
      code: 'template_leaves_out',
      message: `The template does not show ${QUESTIONS[question!]}: in ${rows} of ${rows_used} rows they are left out. Do they matter?`,
      hint: 'If they do, choose a model whose template shows them, or write them into the text of the turns.',
      details,
    };
  }
  return {
    code: 'field_unused',
    message: `Does "${field}" matter? It is in ${rows} of ${rows_used} rows and is not used; it may be ${QUESTIONS[question!]}.`,
    hint: 'If it matters, say which part it plays among the columns, or write it into the text; if not, all is well.',
    details,
  };
}

function droppedWarnings({
  path,
  rows_with_dropped_turns: rows = 0,
  dropped_turns_line: line,
}: FileAudit): DatasetWarning[] {
  if (rows === 0) return [];
  return [
    {
      code: 'turns_dropped',
      message: `${rows} ${rows === 1 ? 'row ends' : 'rows end'} with turns that nothing answers, the first on line ${line}: these turns are left out.`,
      hint: 'If an answer is missing there, add it.',
      details: { path, rows, line },
    },
  ];
}

function partWarnings({ path, shape }: FileAudit): DatasetWarning[] {
  if (shape?.kind !== 'named' || shape.other_lists.length === 0) return [];
  const others = shape.other_lists.map(({ name, rows }) => `"${name}" (${rows})`).join(', ');
  const { list, validation } = shape;
  return [
    {
      code: validation === undefined ? 'file_part_read' : 'file_splits',
      message: `Of ${path} the list "${list}" is read, and not ${others}.`,
      hint:
        validation === undefined
          ? 'If their rows matter, put all into one list.'
          : `To validate on "${validation}", choose the same file as validation file.`,
      details: { path, list, others, validation: validation ?? null },
    },
  ];
}
