/** What an objective learns from, and which formats of rows hold that. */
import type { TrainSettings } from '../contracts/protocol-types.ts';
import type { RowFormat, RowKind } from './types.ts';

export type ObjectiveName = TrainSettings['objective'];

const KINDS: Record<ObjectiveName, RowKind> = { sft: 'rows', dpo: 'pairs', orpo: 'pairs', kto: 'labelled' };

export function rowKindOf(format: RowFormat): RowKind {
  return format === 'preference' ? 'pairs' : format === 'labelled' ? 'labelled' : 'rows';
}

/** Whether an objective can learn from rows of this format; without an objective, from all but labelled ones, which sft can read. */
export function takesFormat(objective: ObjectiveName | undefined, format: RowFormat): boolean {
  const kind = rowKindOf(format);
  return objective === undefined ? kind !== 'labelled' : KINDS[objective] === kind;
}
