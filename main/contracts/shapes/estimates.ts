/** What a run will cost, the presets, and the settings as the screens show them. */
import { z } from 'zod';
import { METHODS, type SettingSection, type SettingUnit } from '../job-schema.ts';
import type { SettingName, TrainSettings } from '../protocol-types.ts';
import { checkedByProtocol, count, device, notice, share } from './parts.ts';

export const memoryParts = z.object({
  /** The base model's weights. */
  weights_bytes: z.number(),
  /** The adapter with its gradients and the optimiser's state. */
  adapter_bytes: z.number(),
  activations_bytes: z.number(),
  /** Everything else: buffers, program, dataset. */
  other_bytes: z.number(),
  total_bytes: z.number(),
});

export const settingWarning = notice.extend({ setting: z.string() });

export const plan = z.object({
  trainable_parameters: z.number(),
  trainable_share: share,
  memory: memoryParts,
  /** The model has layers that the estimate doesn't know: the trainer may need more or less. */
  memory_is_rough: z.boolean(),
  device,
  fits: z.boolean(),
  /** Null where there is no dataset yet. */
  time: z
    .object({
      total_steps: count,
      steps_per_epoch: count,
      /** Rows of the dataset that the run sees, of all to train on. */
      seen_rows: count,
      train_rows: count,
      /** Held-out rows that each validation scores, of all. */
      scored_rows: count,
      held_out_rows: count,
      tokens_per_second: z.number(),
      duration_ms: z.number(),
      /** `measured`: from an earlier run of this model here. */
      basis: z.enum(['measured', 'estimated']),
    })
    .nullable(),
  /** What to lower, the most helpful first, when it does not fit. */
  advice: z.array(
    z.object({
      setting: z.string(),
      from: z.number(),
      to: z.number(),
      /** Memory of the whole run with this change. */
      total_bytes: z.number(),
      fits: z.boolean(),
    }),
  ),
  /** The same model trained in full, by LoRA on both kinds of base, and by another method where that is chosen. */
  methods: z.array(
    z.object({
      method: z.enum(['full', 'qlora', ...METHODS]),
      available: z.boolean(),
      trainable_parameters: z.number(),
      total_bytes: z.number(),
      fits: z.boolean(),
      /** The one that these settings and this file are. */
      chosen: z.boolean(),
    }),
  ),
  warnings: z.array(settingWarning),
});

export const PRESET_GROUPS = ['rank', 'learning_rate', 'effort'] as const;

export const preset = z.object({
  id: z.string(),
  /** `sample`: the one that the sample is opened with, which no screen offers. */
  group: z.enum([...PRESET_GROUPS, 'sample']),
  values: checkedByProtocol<Partial<TrainSettings>>(),
  is_default: z.boolean(),
});

const checkedByProtocolName = z.custom<SettingName>((value) => typeof value === 'string');

export const settingInfo = z.object({
  name: checkedByProtocolName,
  /** Where the screen shows it: sections come in the order in which they are first met. */
  section: z.custom<SettingSection>((value) => typeof value === 'string'),
  advanced: z.boolean(),
  /** What a number counts; null for a plain number. */
  unit: z.custom<SettingUnit>((value) => typeof value === 'string').nullable(),
  /** What follows from it. */
  affects: z.array(z.enum(['result', 'dataset', 'memory', 'time'])),
  /** Whether it may change when a run goes on. */
  on_resume: z.enum(['fixed', 'warned', 'free']),
  /** The methods and objectives that have it; null where all have. */
  methods: z.array(z.string()).nullable(),
  objectives: z.array(z.string()).nullable(),
  kind: z.enum(['integer', 'number', 'boolean', 'choice', 'modules', 'text', 'path']),
  default: z.unknown(),
  minimum: z.number().nullable(),
  maximum: z.number().nullable(),
  choices: z.array(z.string()).nullable(),
  /** In English, from native/protocol. */
  description: z.string(),
});

export type Plan = z.output<typeof plan>;
export type Preset = z.output<typeof preset>;
export type SettingInfo = z.output<typeof settingInfo>;
export type SettingWarning = z.output<typeof settingWarning>;
