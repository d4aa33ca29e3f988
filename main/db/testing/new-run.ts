import type { NewRun } from '../index.ts';

/** A run as tests put it into a database; its model and dataset are nowhere. */
export function newRun(id: string, fields: Partial<NewRun> = {}): NewRun {
  return {
    id,
    name: 'Run',
    out_dir: `/runs/${id}`,
    created_ms: 1,
    model_path: '/m.gguf',
    model_sha256: null,
    dataset_path: '/d.jsonl',
    dataset_sha256: null,
    val_dataset_sha256: null,
    settings: '{}',
    ...fields,
  };
}
