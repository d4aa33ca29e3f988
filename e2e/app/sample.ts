import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { makeTinyModel } from './flow.ts';
import { answerOpenDialog, type RunningApp } from './launch.ts';
import type { Channel, IpcRequest, IpcResponse } from './types.ts';

const samples = join(import.meta.dirname, '../../resources/samples');
export const TRAIN_ROWS = join(samples, 'orders-train.jsonl');
export const HELD_OUT_ROWS = join(samples, 'orders-held-out.jsonl');

/** Calls the bridge as the page does. @throws when the answer is an error */
export async function call<Name extends Channel>(
  page: Page,
  channel: Name,
  request?: IpcRequest<Name>,
): Promise<IpcResponse<Name>> {
  const answer = await page.evaluate(
    ([name, given]) => window.forja.invoke(name as never, given as never) as Promise<unknown>,
    [channel, request] as const,
  );
  const { ok, value, error } = answer as {
    ok: boolean;
    value: IpcResponse<Name>;
    error?: { code: string; message: string };
  };
  if (!ok) throw new Error(`${channel}: ${error?.code}: ${error?.message}`);
  return value;
}

/** A tiny random model that the app knows, as if a person had chosen it. @returns its path */
export async function tinyModel({ app, page, dataDir }: RunningApp): Promise<string> {
  const path = makeTinyModel(dataDir);
  await answerOpenDialog(app, path);
  await call(page, 'dialogs.openModel', { purpose: 'base' });
  return path;
}

export interface ShortRun {
  model_path?: string;
  data_path?: string;
  val_share?: number;
}

/** Puts a short run of the sample's rows into the queue, without going through the screens. */
export async function trainSample(
  page: Page,
  name: string,
  settings: Record<string, number | string> = {},
  { model_path, data_path, val_share = 0 }: ShortRun = {},
  sample_prompts: string[] = [],
): Promise<string> {
  const sample = await call(page, 'models.fetchSample');
  if (sample === null) throw new Error('The sample was declined.');
  const { id } = await call(page, 'runs.create', {
    name,
    model_path: model_path ?? sample.model_path,
    data_path: data_path ?? sample.data_path,
    val_path: null,
    val_share,
    format: 'auto',
    columns: {},
    template: 'auto',
    settings: { lora_rank: 4, gradient_accumulation_steps: 1, device: 'cpu', threads: 1, ...settings },
    sample_prompts: sample_prompts.map((prompt) => ({ system: null, prompt, expected: null })),
    estimated_memory_bytes: null,
  });
  return id;
}

/** Waits until a run has the status. */
export async function waitForStatus(
  page: Page,
  run_id: string,
  ...statuses: string[]
): Promise<IpcResponse<'runs.get'>> {
  for (;;) {
    const run = await call(page, 'runs.get', { run_id });
    if (statuses.includes(run.status)) return run;
    if (run.status === 'failed') throw new Error(`The run failed: ${run.error?.code}: ${run.error?.message}`);
    await page.waitForTimeout(250);
  }
}

/** Waits until a run has come to a step. */
export async function waitForSteps(page: Page, run_id: string, step: number): Promise<void> {
  for (;;) {
    const run = await call(page, 'runs.get', { run_id });
    if (run.steps >= step) return;
    if (run.status === 'failed') throw new Error(`The run failed: ${run.error?.code}: ${run.error?.message}`);
    await page.waitForTimeout(100);
  }
}
