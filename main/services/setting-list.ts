import type { IpcResponse, SettingInfo } from '../contracts/ipc.ts';
import { jobSettings, type SettingSchema } from '../contracts/protocol.ts';
import { PRESETS } from '../domain/presets.ts';

/** The settings of a train job by the part of the screen that shows them; the second list is folded away. */
const SECTIONS: Record<SettingInfo['section'], [plain: string[], advanced: string[]]> = {
  adapter: [
    ['lora_rank', 'lora_alpha', 'target_modules'],
    ['lora_dropout', 'use_rslora', 'init_adapter_path'],
  ],
  learning: [
    ['learning_rate', 'epochs', 'max_steps'],
    [
      'lr_scheduler',
      'warmup_steps',
      'warmup_ratio',
      'weight_decay',
      'adam_beta1',
      'adam_beta2',
      'adam_epsilon',
      'max_grad_norm',
      'seed',
      'split_seed',
    ],
  ],
  batches: [['max_seq_len', 'micro_batch_size', 'gradient_accumulation_steps'], ['text_overlap_tokens']],
  keeping: [
    ['eval_steps', 'checkpoint_steps'],
    ['max_val_rows', 'checkpoints_kept'],
  ],
  machine: [
    ['device', 'threads'],
    ['compute_type', 'activation_budget_bytes', 'device_memory_limit_bytes'],
  ],
};

/** Presets and settings for the screen where a run is made; descriptions, defaults and ranges are native/protocol's. */
export function listPresets(): IpcResponse<'presets.list'> {
  const schemas = jobSettings('train');
  const settings = Object.entries(SECTIONS).flatMap(([section, lists]) =>
    lists.flatMap((names, at) =>
      names.map((name) => describe(name, section as SettingInfo['section'], at === 1, schemas[name])),
    ),
  );
  return { presets: [...PRESETS], settings };
}

function describe(
  name: string,
  section: SettingInfo['section'],
  advanced: boolean,
  schema: SettingSchema | undefined,
): SettingInfo {
  if (schema === undefined) throw new Error(`native/protocol has no setting ${name}`);
  return {
    name,
    section,
    advanced,
    kind: kindOf(name, schema),
    default: schema.default ?? null,
    minimum: schema.minimum ?? null,
    maximum: schema.maximum ?? null,
    choices: ((schema.items?.enum ?? schema.enum) as string[] | undefined) ?? null,
    description: schema.description ?? '',
  };
}

function kindOf(name: string, { type, enum: choices }: SettingSchema): SettingInfo['kind'] {
  const types = [type].flat();
  if (types.includes('array')) return 'modules';
  if (types.includes('boolean')) return 'boolean';
  if (types.includes('integer')) return 'integer';
  if (types.includes('number')) return 'number';
  if (choices !== undefined) return 'choice';
  return name.endsWith('_path') ? 'path' : 'text';
}
