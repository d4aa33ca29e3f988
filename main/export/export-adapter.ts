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
  const job = completeJob('export', settings);
  const exported = await runJob<'export'>(job, { onEvent });
  if (check === null) return { exported, verified: null };
  const { model_path, adapter_path, format, threads } = job;
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
  return { exported, verified: await runJob<'verify'>(verify, { onEvent }) };
}
