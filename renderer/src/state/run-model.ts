import type { RunSummary } from '../../../main/contracts/ipc.ts';
import { stemOf } from './file-name.ts';

type Model = Pick<RunSummary, 'model_name' | 'architecture' | 'model_path'>;

/** What a run's base model is called: its own name, or its file's until it was read. */
export function modelOf({ model_name, architecture, model_path }: Model): string {
  return model_name ?? architecture ?? stemOf(model_path);
}

/** The model with the type of its weights: SmolLM2 135M · Q4_1. */
export function modelLine(run: Model & Pick<RunSummary, 'base_type'>): string {
  return [modelOf(run), run.base_type?.toUpperCase()].filter(Boolean).join(' · ');
}
