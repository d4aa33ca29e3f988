import { completeJob, type JobOf, type TrainerEvent } from '../contracts/protocol.ts';
import type { ExportResult, VerifyResult } from '../contracts/protocol-types.ts';
import { runJob } from '../trainer/index.ts';

/** What to export, and the rows to check it on. */
export interface ExportRequest {
  /** Fields of the export job. */
  settings: Partial<JobOf<'export'>>;
  /** Rows to check the export on; null leaves the check out. */
  check: ExportCheck | null;
}

export interface ExportCheck {
  tokens_path: string;
  /** Whether these rows were kept from training; if not, the losses look better than on new text. */
  is_held_out: boolean;
  max_rows: number;
  max_seq_len: number;
  device: string;
}

/** What was written, and what its check says. */
export interface ExportOutcome {
  exported: ExportResult;
  verified: VerifyResult | null;
}

/**
 * Exports an adapter, loads what was written again and scores it against base and live adapter on the same rows.
 * The trainer gives the file its name only when it is whole.
 *
 * @throws ForjaError setting_invalid, trainer errors; when the check itself fails, what was exported stays
 */
export async function exportAdapter(
  { settings, check }: ExportRequest,
  onEvent?: (event: TrainerEvent, line: string) => void,
): Promise<ExportOutcome> {
  const exported = await writeExport(settings, onEvent);
  if (check === null) return { exported, verified: null };
  return { exported, verified: await verifyExport(settings, exported, check, onEvent) };
}

/** Writes the export and no more. @throws ForjaError setting_invalid, trainer errors */
export async function writeExport(
  settings: Partial<JobOf<'export'>>,
  onEvent?: (event: TrainerEvent, line: string) => void,
): Promise<ExportResult> {
  return await runJob<'export'>(completeJob('export', settings), { onEvent });
}

/**
 * Scores what was exported against base and live adapter.
 * @param settings those it was exported with
 * @param signal ends the check; what was exported stays
 * @throws ForjaError trainer errors, trainer_killed when it was ended
 */
export async function verifyExport(
  settings: Partial<JobOf<'export'>>,
  exported: ExportResult,
  check: ExportCheck,
  onEvent?: (event: TrainerEvent, line: string) => void,
  signal?: AbortSignal,
): Promise<VerifyResult> {
  const { model_path, adapter_path, format, threads } = completeJob('export', settings);
  const { tokens_path, max_rows, max_seq_len, device } = check;
  const verify = completeJob('verify', {
    model_path,
    adapter_path,
    exported_path: exported.output_path,
    format,
    tokens_path,
    max_rows,
    max_seq_len,
    threads,
    device,
  });
  return await runJob<'verify'>(verify, { onEvent, signal });
}
