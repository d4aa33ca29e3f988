import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
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

/**
 * Writes the export and no more. Where it fails, or is ended, what was there before is there still, and nothing half-written.
 * @param signal ends it at once
 * @throws ForjaError setting_invalid, trainer errors, trainer_killed when it was ended
 */
export async function writeExport(
  settings: Partial<JobOf<'export'>>,
  onEvent?: (event: TrainerEvent, line: string) => void,
  signal?: AbortSignal,
): Promise<ExportResult> {
  const job = completeJob('export', settings);
  try {
    return await runJob<'export'>(job, { onEvent, signal });
  } catch (error) {
    removeLeftovers(job.output_path);
    throw error;
  }
}

/** What the trainer puts beside its output while it works, by its name's ending; one that was killed couldn't take it away. */
const BESIDE = /^(?:\.trial-[a-z0-9_]+\.gguf|\.live\.gguf)?(?:\.partial)?$/;

/** Takes away what a trainer that was ended has left beside an export. Nothing else has such names. */
export function removeLeftovers(output_path: string): void {
  const name = basename(output_path);
  let names: string[];
  try {
    names = readdirSync(dirname(output_path));
  } catch {
    return; // no folder, so nothing in it
  }
  for (const one of names) {
    const ending = one.startsWith(name) ? one.slice(name.length) : '';
    if (ending !== '' && BESIDE.test(ending)) rmSync(join(dirname(output_path), one), { recursive: true, force: true });
  }
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
