import type { COLUMN_PARTS, ROW_FORMATS } from '../../../../main/contracts/ipc.ts';

export type RowFormat = (typeof ROW_FORMATS)[number];
export type ColumnPart = (typeof COLUMN_PARTS)[number];

/** Which columns a format has parts for, those that it can't do without first. */
export const FORMAT_PARTS: Readonly<Record<RowFormat, readonly ColumnPart[]>> = {
  alpaca: ['instruction', 'output', 'input', 'system'],
  messages: ['messages', 'system'],
  sharegpt: ['conversations', 'system'],
  prompt_completion: ['prompt', 'completion', 'input', 'system'],
  text: ['text'],
  preference: ['chosen', 'rejected', 'prompt', 'system'],
  labelled: ['prompt', 'completion', 'label', 'input', 'system'],
};

/** How many of them it can't do without. */
export const REQUIRED_PARTS: Readonly<Record<RowFormat, number>> = {
  alpaca: 2,
  messages: 1,
  sharegpt: 1,
  prompt_completion: 2,
  text: 1,
  preference: 2,
  labelled: 3,
};

/** The columns that an error of the datasets layer says the file has. */
export function columnsOfError(error: unknown): string[] {
  if (typeof error !== 'object' || error === null || !('details' in error)) return [];
  const { found } = error.details as { found?: unknown };
  return Array.isArray(found) ? found.filter((name): name is string => typeof name === 'string') : [];
}
