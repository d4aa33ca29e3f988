/** Exports and the check after them. */
import { z } from 'zod';
import { count, path, runId } from './parts.ts';

export const EXPORT_FORMATS = ['gguf', 'gguf-adapter', 'peft', 'ollama'] as const;
export const EXPORT_TYPES = [
  'same',
  'f32',
  'f16',
  'bf16',
  'q8_0',
  'q6_k',
  'q5_k_m',
  'q5_k_s',
  'q5_0',
  'q5_1',
  'q4_k_m',
  'q4_k_s',
  'q4_0',
  'q4_1',
  'q3_k_m',
  'q2_k',
  'iq4_nl',
  'iq4_xs',
] as const;

export const exportCheck = z.object({
  base_loss: z.number(),
  tuned_loss: z.number(),
  export_loss: z.number(),
  /** Of the export from base + adapter, nats a token. */
  mean_kl_divergence: z.number(),
  /** Of the base from base + adapter. */
  base_kl_divergence: z.number(),
  recovered_share: z.number().nullable(),
  verdict: z.enum(['kept', 'degraded', 'lost']),
  advice: z.string().nullable(),
  tokens: count,
  rows: count,
  /** Whether the rows were kept from training. */
  is_held_out: z.boolean(),
});

export const exportOutcome = z.object({
  format: z.enum(EXPORT_FORMATS),
  output_type: z.string(),
  output_path: path,
  output_bytes: z.number(),
  duration_ms: z.number(),
  check: exportCheck.nullable(),
});

export const exportRecord = z.object({
  id: count,
  run_id: runId.nullable(),
  time_ms: z.number(),
  format: z.string(),
  output_type: z.string(),
  output_path: path,
  output_bytes: z.number(),
  verdict: z.enum(['kept', 'degraded', 'lost']).nullable(),
  base_loss: z.number().nullable(),
  tuned_loss: z.number().nullable(),
  export_loss: z.number().nullable(),
  mean_kl_divergence: z.number().nullable(),
  exists: z.boolean(),
});

export const exportId = z.string().regex(/^[A-Za-z0-9-]{1,64}$/);

export type ExportFormat = (typeof EXPORT_FORMATS)[number];
export type ExportType = (typeof EXPORT_TYPES)[number];
export type ExportCheckResult = z.output<typeof exportCheck>;
export type ExportOutcomeData = z.output<typeof exportOutcome>;
export type ExportRecord = z.output<typeof exportRecord>;
