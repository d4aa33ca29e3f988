import type { ExportOutcomeData, IpcError, IpcEvent, TriedType } from '../../../main/contracts/ipc.ts';

/** An export of this session, under way or ended. */
export interface ExportWork {
  export_id: string;
  run_id: string;
  phase: string | null;
  share: number | null;
  /** Until the phase ends; null where that can't be said yet. */
  left_ms: number | null;
  /** The trial of types as it stands. */
  types: readonly TriedType[];
  /** What was written, while its check goes on. */
  ready: ExportOutcomeData | null;
  outcome: ExportOutcomeData | null;
  error: IpcError | null;
}

export type ExportWorks = Readonly<Record<string, ExportWork>>;

const begun = (export_id: string, run_id: string): ExportWork => ({
  export_id,
  run_id,
  phase: null,
  share: null,
  left_ms: null,
  types: [],
  ready: null,
  outcome: null,
  error: null,
});

export const isUnderWay = (work: ExportWork): boolean => work.outcome === null && work.error === null;

/** Notes an export that was started; its first events may have come before. */
export function onStarted(works: ExportWorks, export_id: string, run_id: string): ExportWorks {
  return export_id in works ? works : { ...works, [export_id]: begun(export_id, run_id) };
}

/** Takes progress; what comes after the end changes nothing. */
export function onProgress(works: ExportWorks, event: IpcEvent<'export.progress'>): ExportWorks {
  const { export_id, run_id, phase, share, left_ms, types } = event;
  const work = works[export_id] ?? begun(export_id, run_id);
  return isUnderWay(work) ? { ...works, [export_id]: { ...work, phase, share, left_ms, types } } : works;
}

/** Takes what was written and is still checked. */
export function onExportReady(works: ExportWorks, event: IpcEvent<'export.ready'>): ExportWorks {
  const { export_id, run_id, outcome } = event;
  const work = works[export_id] ?? begun(export_id, run_id);
  return isUnderWay(work) ? { ...works, [export_id]: { ...work, share: null, left_ms: null, ready: outcome } } : works;
}

/** Takes the end of an export; of one that was cancelled nothing is left to show. */
export function onExportDone(works: ExportWorks, event: IpcEvent<'export.done'>): ExportWorks {
  const { export_id, run_id, outcome, error } = event;
  if (outcome === null && error === null) {
    return Object.fromEntries(Object.entries(works).filter(([id]) => id !== export_id));
  }
  const work = works[export_id] ?? begun(export_id, run_id);
  return { ...works, [export_id]: { ...work, phase: null, share: null, left_ms: null, outcome, error } };
}
