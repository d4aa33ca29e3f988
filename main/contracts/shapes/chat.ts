/** The playground: which weights answer, and how they choose their words. */
import { z } from 'zod';
import { path, runId } from './parts.ts';
import { checkpointChoice } from './runs.ts';

export const voice = z.string().regex(/^[a-z0-9_-]{1,40}$/);
export const askId = z.string().regex(/^[A-Za-z0-9-]{1,64}$/);

export const adapterSource = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('run'), run_id: runId, checkpoint: checkpointChoice, scale: z.number().min(0).max(4) }),
  z.object({ kind: z.literal('file'), path, scale: z.number().min(0).max(4) }),
]);

export const loadedWeights = z.object({
  model_path: path,
  model_name: z.string(),
  adapters: z.array(
    z.object({
      path,
      /** The run's or the file's. */
      name: z.string(),
      /** Of a run: which of its states; null for a file. */
      checkpoint: checkpointChoice.nullable(),
      scale: z.number(),
    }),
  ),
});

export const sampling = z.object({
  temperature: z.number().min(0).max(5),
  top_p: z.number().min(0).max(1),
  top_k: z.int().min(0).max(1000),
  min_p: z.number().min(0).max(1),
  repeat_penalty: z.number().min(0.1).max(5),
  seed: z.int().min(0).max(0xffffffff),
});

export type AdapterSource = z.output<typeof adapterSource>;
export type LoadedWeights = z.output<typeof loadedWeights>;
export type ChatSampling = z.output<typeof sampling>;
