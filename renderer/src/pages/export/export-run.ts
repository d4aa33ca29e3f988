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
  return type === 'same' ? `${stem}.gguf` : `${stem}-${type.toUpperCase()}.gguf`;
}

/** Types that keep what an adapter changed: its changes are finer than the steps of the smaller ones. */
const FINE = new Set(['f32', 'f16', 'bf16', 'q8_0']);

/** The type to begin with: the base's own where that keeps what was learned, else the smallest one that does. */
export function standardType(base_type: string | null): ExportType {
  return base_type === null || FINE.has(base_type.toLowerCase()) ? 'same' : 'q8_0';
}
