import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@playwright/test';
import { makeRows, makeTinyModel, openScreen, shownStep, startRun, statusOf, waitForShownStep } from './flow.ts';
import { launch } from './launch.ts';
import { call } from './sample.ts';
import { test } from './test.ts';

// Long enough to be caught in the middle where a tiny model takes hundreds of steps a second.
const STEPS = 2000;
const FIELDS = { 'Step limit': String(STEPS), Epochs: '1000', 'Checkpoint every': '100' };

/** The trainer of the run in this data folder, while there is one. */
function trainerIn(dataDir: string): number | null {
  const list = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  const found = list.filter((line) => line.includes('forja-trainer') && line.includes(dataDir));
  return found.length === 0 ? null : Number(found[0]!.trim().split(' ')[0]);
}

test('when the trainer is killed its run says so, and goes on from its last checkpoint', async () => {
  const running = await launch();
  const { page, dataDir, close } = running;
  await startRun(running, {
    name: 'Killed',
    model: makeTinyModel(dataDir),
    data: makeRows(dataDir, 200),
    fields: FIELDS,
  });
  await waitForShownStep(page, 101);
  process.kill(trainerIn(dataDir)!, 'SIGKILL');
  await expect(statusOf(page)).toHaveText('Failed');
  const failure = page.getByRole('alert');
  await expect(failure).toContainText('The run failed');
  await expect(failure).toContainText('The trainer was ended by the system (SIGKILL).');
  await expect(failure).not.toContainText('forja resume');
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(failure).toHaveCount(0);
  await expect(statusOf(page)).toHaveText('Done', { timeout: 150_000 });
  expect(await shownStep(page)).toBe(STEPS);
  await close();
});

test('when the app itself is killed it offers to go on at its next start, and the run ends with all its steps', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'forja-killed-'));
  try {
    const first = await launch({ dataDir });
    await startRun(first, {
      name: 'Power cut',
      model: makeTinyModel(dataDir),
      data: makeRows(dataDir, 200),
      fields: FIELDS,
    });
    await waitForShownStep(first.page, 101);
    // The trainer is held, so that it still works when Forja is opened again: it writes its checkpoint when it can.
    const trainer = trainerIn(dataDir)!;
    process.kill(trainer, 'SIGSTOP');
    await first.kill();
    const { page, close } = await launch({ dataDir });
    const notice = page.getByRole('main').getByText('A run was interrupted').locator('..');
    await notice.getByRole('button', { name: 'Resume' }).click();
    await expect(notice.getByRole('button', { name: 'Waiting for its last checkpoint…' })).toBeVisible();
    process.kill(trainer, 'SIGCONT');
    await openScreen(page, 'Runs');
    await page.getByRole('link', { name: 'Power cut' }).click();
    await expect(statusOf(page)).toHaveText('Done', { timeout: 150_000 });
    expect(await shownStep(page)).toBe(STEPS);
    const run_id = page.url().split('/').at(-1)!;
    const { steps } = await call(page, 'runs.metrics', { run_id, max_points: 1000 });
    expect(steps.step.at(-1)).toBe(STEPS);
    await close();
  } finally {
    // A test that failed in the middle must not leave it behind, held for ever.
    const left = trainerIn(dataDir);
    if (left !== null) process.kill(left, 'SIGKILL');
    rmSync(dataDir, { recursive: true, force: true });
  }
});
