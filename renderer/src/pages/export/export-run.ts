import type { ExportFormat, ExportType, IpcResponse, RunCheckpoint } from '../../../../main/contracts/ipc.ts';
import { call } from '../../api/bridge.svelte.ts';

/** What the screen shows of a run: its states, the types that a merged file can have, and what was exported before. */
export interface RunToExport {
  /** The run's tuning method. */
  method: string;
  checkpoints: RunCheckpoint[];
  types: IpcResponse<'exports.types'>;
  exports: IpcResponse<'exports.list'>;
  about: IpcResponse<'exports.about'>;
}

/** @throws ApiError when the run or its model can't be read */
export async function loadRun(run_id: string): Promise<RunToExport> {
  const [{ checkpoints, settings }, types, exports, about] = await Promise.all([
    call('runs.get', { run_id }),
    call('exports.types', { run_id }),
    call('exports.list', { run_id }),
    call('exports.about', { run_id }),
  ]);
  return { method: settings.method ?? 'lora', checkpoints, types, exports, about };
}

/** The name that the save dialog begins with. */
export function suggestedName(name: string, format: ExportFormat, type: ExportType): string {
  const stem = name.trim().replaceAll(/\s+/g, '-').slice(0, 120);
  if (format === 'peft') return `${stem}-peft`;
  if (format === 'gguf-adapter') return `${stem}-adapter.gguf`;
  return type === 'same' || type === 'auto' ? `${stem}.gguf` : `${stem}-${type.toUpperCase()}.gguf`;
}
