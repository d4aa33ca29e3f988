import type { IpcResponse } from '../../../main/contracts/ipc.ts';
import type { Details } from './describe-error.ts';

type Finding = IpcResponse<'app.doctor'>['findings'][number];

/** What the doctor looks at, and a sentence on what it found. */
export type FindingTexts = Record<
  Finding['code'],
  { name: string; text: (details: Details, values: Finding['details']) => string }
>;
