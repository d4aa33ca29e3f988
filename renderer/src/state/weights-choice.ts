import type { AdapterSource, CheckpointChoice, RecentModel, RunSummary } from '../../../main/contracts/ipc.ts';
import { fileName } from './file-name.ts';

/** What the playground's two voices answer with. */
export interface WeightsChoice {
  /** The base model's file. */
  model_path: string;
  /** What the tuned voice has on top of the base; they add up. */
  adapters: readonly AdapterSource[];
  /** A whole model that answers as the tuned voice, in place of base and adapters: an export, for instance. */
  whole_path: string | null;
}

/** What a voice loads. */
export interface VoiceWeights {
  model_path: string;
  adapters: readonly AdapterSource[];
}

/** As many adapters as main/contracts takes. */
export const MOST_ADAPTERS = 8;

export interface BaseOption {
  path: string;
  name: string;
}

/** A run as an adapter, in the state that is asked for or else advised, at the strength it was trained with. */
export function adapterOfRun({ id, advised_checkpoint }: RunSummary, checkpoint?: CheckpointChoice): AdapterSource {
  return { kind: 'run', run_id: id, checkpoint: checkpoint ?? advised_checkpoint, scale: 1 };
}

/** A run's base beside the run itself. */
export function choiceOfRun(run: RunSummary, checkpoint?: CheckpointChoice): WeightsChoice {
  return { model_path: run.model_path, adapters: [adapterOfRun(run, checkpoint)], whole_path: null };
}

/** The choice with another base: adapters of runs on the old one don't fit it, and the newest run on it takes their place. */
export function withBase(choice: WeightsChoice, model_path: string, usable: readonly RunSummary[]): WeightsChoice {
  const own = usable.filter((run) => run.model_path === model_path);
  const kept = choice.adapters.filter((one) => one.kind === 'run' && own.some(({ id }) => id === one.run_id));
  const newest = own[0];
  const adapters = kept.length > 0 || newest === undefined ? kept : [adapterOfRun(newest)];
  return { ...choice, model_path, adapters };
}

/** What each voice loads; the tuned one has nothing to say with no adapter and no model of its own. */
export function voicesOf(choice: WeightsChoice): { base: VoiceWeights; tuned: VoiceWeights | null } {
  const { model_path, adapters, whole_path } = choice;
  const base = { model_path, adapters: [] };
  if (whole_path !== null) return { base, tuned: { model_path: whole_path, adapters: [] } };
  return { base, tuned: adapters.length === 0 ? null : { model_path, adapters } };
}

/** The run whose adapter answers as the tuned voice; the first, where there are several. */
export function tunedRunOf({ adapters, whole_path }: WeightsChoice): string | null {
  if (whole_path !== null) return null;
  return adapters.find((one) => one.kind === 'run')?.run_id ?? null;
}

/** Models to choose as the base: those that runs have tuned, then others that were used lately. */
export function baseOptions(
  usable: readonly RunSummary[],
  recent: readonly RecentModel[],
  chosen: string | null,
): BaseOption[] {
  const names = new Map<string, string>();
  for (const { model_path, model_name, base_type } of usable) {
    if (!names.has(model_path)) names.set(model_path, named(model_path, model_name, base_type));
  }
  for (const { path, name, base_type, exists } of recent) {
    if (exists && !names.has(path)) names.set(path, named(path, name, base_type));
  }
  if (chosen !== null && !names.has(chosen)) names.set(chosen, fileName(chosen));
  return [...names].map(([path, name]) => ({ path, name }));
}

/** A model's name; files of one model differ in their type. */
function named(path: string, name: string | null, base_type: string | null): string {
  return [name ?? fileName(path), base_type?.toUpperCase()].filter(Boolean).join(' · ');
}
