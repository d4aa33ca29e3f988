import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, type Page } from '@playwright/test';
import { answerOpenDialog, answerSaveDialog, launch } from './launch.ts';
import { call, tinyModel, trainSample, waitForStatus, waitForSteps } from './sample.ts';
import type { IpcEvent } from './types.ts';

/** More steps than any test waits for. */
const LONG = { max_steps: 100_000 };
const GREEDY = { temperature: 0, top_p: 1, top_k: 0, min_p: 0, repeat_penalty: 1, seed: 1 };

/** The real model's answer by a voice, with the weights that gave it. */
async function ask(page: Page, voice: string, prompt: string): Promise<IpcEvent<'chat.done'>> {
  const request = {
    ask_id: `ask-${voice}`,
    voice,
    messages: [{ role: 'user' as const, content: prompt }],
    sampling: GREEDY,
    max_tokens: 12,
  };
  return await page.evaluate(
    (given) =>
      new Promise<IpcEvent<'chat.done'>>((resolve) => {
        const stop = window.forja.on('chat.done', (done) => {
          if (done.ask_id !== given.ask_id) return;
          stop();
          resolve(done);
        });
        void window.forja.invoke('chat.ask', given);
      }),
    request,
  );
}

/** Ends the trainer of a run as an out-of-memory kill would. */
function killTrainer(dataDir: string): void {
  const list = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  const found = list.filter((line) => line.includes('forja-trainer') && line.includes(dataDir));
  expect(found).toHaveLength(1);
  process.kill(Number(found[0]!.trim().split(' ')[0]), 'SIGKILL');
}

test('from the sample to a tuned model that answers otherwise, and to a merged file that is checked', async () => {
  const { app, page, dataDir, close } = await launch();
  // llama.cpp's threads wait for each other by spinning: on cores that others use too, one is faster.
  await call(page, 'settings.set', { threads: 1 });
  const id = await trainSample(page, 'Orders', { max_steps: 6, learning_rate: 0.005 }, { val_share: 0.003 });
  const run = await waitForStatus(page, id, 'completed');
  expect(run.steps).toBe(6);
  expect(run.has_adapter).toBe(true);
  const { steps } = await call(page, 'runs.metrics', { run_id: id, max_points: 100 });
  expect(steps.step).toEqual([1, 2, 3, 4, 5, 6]);
  expect(steps.train_loss.at(-1)!).toBeLessThan(steps.train_loss[0]!);

  await call(page, 'chat.load', { voice: 'base', model_path: run.model_path, adapters: [], n_ctx: 512 });
  const adapters = [{ kind: 'run' as const, run_id: id, checkpoint: 'final' as const, scale: 1 }];
  await call(page, 'chat.load', { voice: 'tuned', model_path: null, adapters, n_ctx: 512 });
  const prompt = 'two croissants for Ana';
  const base = await ask(page, 'base', prompt);
  const tuned = await ask(page, 'tuned', prompt);
  expect(base.error).toBeNull();
  expect(tuned.error).toBeNull();
  expect(base.result!.text).not.toBe(tuned.result!.text);
  expect(base.weights.adapters).toEqual([]);
  expect(tuned.weights.adapters).toMatchObject([{ name: 'Orders', checkpoint: 'final', scale: 1 }]);
  await call(page, 'chat.unload', { voice: 'tuned' });

  const output_path = join(dataDir, 'tuned.gguf');
  await answerSaveDialog(app, output_path);
  expect(await call(page, 'dialogs.saveExport', { format: 'gguf', suggested_name: 'tuned.gguf' })).toEqual({
    path: output_path,
  });
  const done = await page.evaluate(
    (request) =>
      new Promise<IpcEvent<'export.done'>>((resolve) => {
        window.forja.on('export.done', resolve);
        void window.forja.invoke('exports.start', request);
      }),
    {
      run_id: id,
      checkpoint: 'final' as const,
      format: 'gguf' as const,
      output_type: 'q8_0' as const,
      output_path,
      overwrite: true,
      check: true,
    },
  );
  expect(done.error).toBeNull();
  expect(done.outcome!.check!.verdict).toBe('kept');
  expect(statSync(output_path).size).toBe(done.outcome!.output_bytes);
  expect(await call(page, 'exports.list', { run_id: id })).toMatchObject([{ output_path, verdict: 'kept' }]);
  await close();
});

test('a run pauses and goes on, and does not mind the window being loaded again', async () => {
  const running = await launch();
  const { page, close } = running;
  const id = await trainSample(page, 'Paused', LONG, { model_path: await tinyModel(running) });
  await waitForSteps(page, id, 2);
  await call(page, 'runs.pause', { run_id: id });
  await expect.poll(async () => (await call(page, 'runs.get', { run_id: id })).is_paused).toBe(true);
  const { steps } = await call(page, 'runs.get', { run_id: id });
  await page.reload();
  await page.waitForSelector('main h1');
  await page.waitForTimeout(1000);
  const paused = await call(page, 'runs.get', { run_id: id });
  expect(paused).toMatchObject({ status: 'training', is_paused: true, steps });
  await call(page, 'runs.resume', { run_id: id });
  await waitForSteps(page, id, steps + 2);
  await call(page, 'runs.stop', { run_id: id });
  const stopped = await waitForStatus(page, id, 'stopped');
  expect(stopped.can_continue).toBe(true);
  await close();
});

test('when the trainer is killed the app says so, and the run goes on from its checkpoint', async () => {
  const running = await launch();
  const { page, dataDir, close } = running;
  const id = await trainSample(
    page,
    'Killed',
    { ...LONG, checkpoint_steps: 2 },
    { model_path: await tinyModel(running) },
  );
  await waitForSteps(page, id, 3);
  killTrainer(dataDir);
  await expect.poll(async () => (await call(page, 'runs.get', { run_id: id })).status).toBe('failed');
  const failed = await call(page, 'runs.get', { run_id: id });
  expect(failed.error).toMatchObject({ code: 'trainer_killed' });
  const from = failed.checkpoints.at(-1)!.step;
  await call(page, 'runs.continue', { run_id: id });
  await waitForSteps(page, id, from + 1);
  await call(page, 'runs.stop', { run_id: id });
  await waitForStatus(page, id, 'stopped');
  const { steps } = await call(page, 'runs.metrics', { run_id: id, max_points: 1000 });
  expect(steps.step).toEqual(Array.from({ length: steps.step.length }, (_, index) => index + 1));
  await close();
});

test('after the app itself was killed it offers to go on with the run', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'forja-killed-'));
  try {
    const first = await launch({ dataDir });
    const model_path = await tinyModel(first);
    const id = await trainSample(first.page, 'Power cut', { ...LONG, checkpoint_steps: 2 }, { model_path });
    await waitForSteps(first.page, id, 3);
    await first.kill();
    const { page, close } = await launch({ dataDir });
    // The trainer writes a checkpoint when its parent is gone.
    await expect.poll(async () => (await call(page, 'runs.get', { run_id: id })).is_interrupted).toBe(true);
    const { steps } = await call(page, 'runs.get', { run_id: id });
    await page.getByRole('button', { name: 'Go on', exact: true }).click();
    await waitForSteps(page, id, steps + 1);
    await close();
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test('of three runs in the queue the second fails, and the third runs all the same', async () => {
  const running = await launch();
  const { app, page, dataDir, close } = running;
  const model_path = await tinyModel(running);
  const broken = join(dataDir, 'broken.jsonl');
  writeFileSync(broken, 'this is not JSON\n');
  await answerOpenDialog(app, broken);
  await call(page, 'dialogs.openDataset', { purpose: 'train' });
  const first = await trainSample(page, 'One', { max_steps: 2 }, { model_path });
  const second = await trainSample(page, 'Two', { max_steps: 2 }, { model_path, data_path: broken });
  const third = await trainSample(page, 'Three', { max_steps: 2 }, { model_path });
  await expect
    .poll(async () => (await call(page, 'runs.get', { run_id: third })).status, { timeout: 120_000 })
    .toBe('completed');
  const statuses = (await call(page, 'runs.list')).map(({ id, status }) => [id, status]);
  expect(Object.fromEntries(statuses)).toEqual({ [first]: 'completed', [second]: 'failed', [third]: 'completed' });
  const { out_dir } = await call(page, 'runs.get', { run_id: first });
  await call(page, 'runs.delete', { run_id: first, delete_files: true });
  expect(existsSync(out_dir)).toBe(false);
  await close();
});
