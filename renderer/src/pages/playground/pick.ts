import type { RunSummary } from '../../../../main/contracts/ipc.ts';
import { call } from '../../api/bridge.svelte.ts';
import { playground } from '../../state/playground.svelte.ts';
import { withBase } from '../../state/weights-choice.ts';

/** Lets the person choose a model file as the base. */
export async function pickBase(usable: readonly RunSummary[]): Promise<void> {
  const { path } = await call('dialogs.openModel', { purpose: 'chat' });
  if (path === null) return;
  const choice = playground.choice ?? { model_path: path, adapters: [], whole_path: null };
  playground.choice = withBase(choice, path, usable);
}

/** Lets the person choose an adapter file, which is added to the others. */
export async function pickAdapter(): Promise<void> {
  const { path } = await call('dialogs.openModel', { purpose: 'adapter' });
  const { choice } = playground;
  if (path === null || choice === null) return;
  playground.choice = { ...choice, adapters: [...choice.adapters, { kind: 'file', path, scale: 1 }] };
}

/** Lets the person choose a whole model that answers beside the base. */
export async function pickWhole(): Promise<void> {
  const { path } = await call('dialogs.openModel', { purpose: 'chat' });
  const { choice } = playground;
  if (path !== null && choice !== null) playground.choice = { ...choice, whole_path: path };
}
