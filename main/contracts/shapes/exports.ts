/** Exports and the check after them. */
import { z } from 'zod';
import { count, errorReport, path, runId } from './parts.ts';

export const EXPORT_FORMATS = ['gguf', 'gguf-adapter', 'peft', 'ollama'] as const;
export const EXPORT_TYPES = [
  'auto',
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

/** What an export's check can say; nothing_learned: base and tuned model predict the same. */
const verdict = z.enum(['kept', 'degraded', 'lost', 'nothing_learned']);

/** A type, the size of its file, and how much of the tuning it keeps; nulls where a smaller type keeps enough. */
export const triedType = z.object({
  output_type: z.string(),
  output_bytes: z.number(),
  export_loss: z.number().nullable(),
  kept_share: z.number().nullable(),
});

export const exportCheck = z.object({
  base_loss: z.number(),
  tuned_loss: z.number(),
  export_loss: z.number(),
  /** Of the export from base + adapter, nats a token. */
  mean_kl_divergence: z.number(),
  /** Of the base from base + adapter. */
  base_kl_divergence: z.number(),
  recovered_share: z.number().nullable(),
  verdict,
  advice: z.string().nullable(),
  tokens: count,
  rows: count,
  /** Whether the rows were kept from training. */
  is_held_out: z.boolean(),
});

/** Answers of base + adapter under the prompt that was trained, beside the export's under the one that its user will send. */
export const answersCheck = z.object({
  compared: count,
  /** The same to the letter. */
  same: count,
  /** Whether the export's user will send the prompt that was trained. */
  prompt_is_same: z.boolean(),
  differing: z.array(z.object({ prompt: z.string(), tuned: z.string(), exported: z.string() })),
});

export const exportOutcome = z.object({
  format: z.enum(EXPORT_FORMATS),
  output_type: z.string(),
  output_path: path,
  output_bytes: z.number(),
  duration_ms: z.number(),
  /** The types that were tried, the smallest file first; empty when one was asked for. */
  types: z.array(triedType),
  check: exportCheck.nullable(),
  /** Null where there is nothing to ask, and before it was compared. */
  answers: answersCheck.nullable(),
  /** Why the check came to no end; what was exported is whole. */
  check_error: errorReport.nullable(),
  /** The base's file, for exports that need it. */
  model_path: path,
  /** What the rows tell the model first; null where they don't, or not all the same. */
  system_prompt: z.string().nullable(),
  /** Ollama's Modelfile, where one was written. */
  modelfile_path: path.nullable(),
  /** What a Modelfile for it says; null for a PEFT folder, which Ollama doesn't take. */
  modelfile: z.string().nullable(),
  /** Why it has no TEMPLATE, so that Ollama asks in another way than was trained; null where it has one. */
  no_template: z.enum(['turns_vary', 'shape_differs']).nullable(),
});

export const exportRecord = z.object({
  id: count,
  run_id: runId.nullable(),
  time_ms: z.number(),
  format: z.string(),
  output_type: z.string(),
  output_path: path,
  output_bytes: z.number(),
  verdict: verdict.nullable(),
  base_loss: z.number().nullable(),
  tuned_loss: z.number().nullable(),
  export_loss: z.number().nullable(),
  mean_kl_divergence: z.number().nullable(),
  exists: z.boolean(),
});

export const exportId = z.string().regex(/^[A-Za-z0-9-]{1,64}$/);

export type ExportFormat = (typeof EXPORT_FORMATS)[number];
export type ExportType = (typeof EXPORT_TYPES)[number];
export type AnswersCheck = z.output<typeof answersCheck>;
export type TriedType = z.output<typeof triedType>;
export type ExportCheckResult = z.output<typeof exportCheck>;
export type ExportOutcomeData = z.output<typeof exportOutcome>;
export type ExportRecord = z.output<typeof exportRecord>;
