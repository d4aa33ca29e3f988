import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@playwright/test';
import type { ElectronApplication } from '@playwright/test';
import { makeRows, makeTinyModel, startRun, statusOf, waitForShownStep } from './flow.ts';
import { launch } from './launch.ts';
import { test } from './test.ts';

/** Answers the next questions of the main process with the button of this name, and notes what they asked. */
async function answerQuestion(app: ElectronApplication, button: string): Promise<void> {
  await app.evaluate(({ dialog }, name) => {
    const asked = ((globalThis as { asked?: string[] }).asked ??= []);
    dialog.showMessageBox = (...given: unknown[]) => {
      const { message, buttons, cancelId } = given.at(-1) as { message: string; buttons: string[]; cancelId: number };
      asked.push(message);
      // Escape, or the cross of the question itself, answers with the button that the question names for that.
      const response = name === 'Escape' ? cancelId : buttons.indexOf(name);
      return Promise.resolve({ response, checkboxChecked: false });
    };
  }, button);
}

const asked = (app: ElectronApplication) => app.evaluate(() => (globalThis as { asked?: string[] }).asked ?? []);

/** Closes the window as its cross does. */
// In a turn of its own, as a person's click comes: what is evaluated interrupts whatever runs.
const closeWindow = (app: ElectronApplication) =>
  app.evaluate(({ BrowserWindow }) => void setImmediate(() => BrowserWindow.getAllWindows()[0]!.close()));

test('closing the window asks while a run trains: kept running, dismissed, or stopped with a checkpoint', async () => {
  const running = await launch();
  const { app, page, dataDir, gone } = running;
  await startRun(running, {
    name: 'Goes on',
    model: makeTinyModel(dataDir),
    data: makeRows(dataDir, 200),
    fields: { 'Step limit': '100000', Epochs: '1000' },
  });
  await waitForShownStep(page, 5);

  await answerQuestion(app, 'Keep running');
  await closeWindow(app);
  await expect.poll(() => asked(app)).toEqual(['A fine-tune is running']);
  await expect(statusOf(page)).toHaveText('Training');
  await answerQuestion(app, 'Escape');
  await closeWindow(app);
  await expect.poll(async () => (await asked(app)).length).toBe(2);
  await expect(statusOf(page)).toHaveText('Training');

  await answerQuestion(app, 'Stop and close');
  await closeWindow(app);
  await gone;
  const folder = join(dataDir, 'runs', 'goes-on');
  const run = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as { status: string; steps: number };
  expect(run.status).toBe('stopped');
  const checkpoints = readdirSync(join(folder, 'checkpoints')).map((name) => Number(/^step-0*(\d+)$/.exec(name)?.[1]));
  expect(checkpoints).toContain(run.steps);
});

test('closing the window asks nothing when nothing trains', async () => {
  const { app, gone } = await launch();
  await answerQuestion(app, 'Keep running');
  await closeWindow(app);
  await gone;
});
