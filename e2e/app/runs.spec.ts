import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { answerOpenDialog, launch } from './launch.ts';
import { call, tinyModel, trainSample } from './sample.ts';

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
