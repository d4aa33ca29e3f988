/** What several shapes of the contract are made of. */
import { z } from 'zod';
import type { TrainSettings } from '../protocol-types.ts';

/** A type that native/protocol declares: the trainer's output was checked against its schema when it was read. */
export const checkedByProtocol = <Type extends object>() =>
  z.custom<Type>((value) => typeof value === 'object' && value !== null && !Array.isArray(value));

export const nothing = z.undefined();
export const path = z.string().min(1).max(4096);
export const runId = z.string().regex(/^[A-Za-z0-9-]{1,64}$/);
export const share = z.number().min(0).max(1);
export const count = z.int().min(0);

export const errorReport = z.object({
  /** Stable; the screens' translations are keyed by it. */
  code: z.string(),
  message: z.string(),
  hint: z.string(),
  /** The message's variable parts. */
  details: z.record(z.string(), z.unknown()),
});

/** Something worth telling that stops nothing. */
export const notice = errorReport;

/** The settings that differ from the defaults; completeJob checks each by native/protocol. */
export const someTrainSettings = z
  .record(
    z.string().regex(/^[a-z0-9_]{1,40}$/),
    z.union([z.string().max(4096), z.number(), z.boolean(), z.null(), z.array(z.string().max(40)).max(16)]),
  )
  .transform((value) => value as Partial<TrainSettings>);

export const device = z.object({
  /** As the `device` setting takes it. */
  name: z.string(),
  description: z.string(),
  type: z.enum(['cpu', 'gpu', 'igpu', 'accel']),
  backend: z.string(),
  /** 0 when unknown. */
  memory_total_bytes: z.number(),
  memory_free_bytes: z.number(),
});

export const oneRun = z.object({ run_id: runId });

export type IpcError = z.output<typeof errorReport>;
export type Device = z.output<typeof device>;
