import { readFileSync } from 'node:fs';
import { expect, type Page } from '@playwright/test';
import { violations } from './flow.ts';
import { launch } from './launch.ts';
import { call, HELD_OUT_ROWS } from './sample.ts';
import { test } from './test.ts';

interface Order {
  messages: { role: 'system' | 'user' | 'assistant'; content: string }[];
}

/** Of the sample's orders that were kept from training; every one of them takes a second of the test. */
const ORDERS = readFileSync(HELD_OUT_ROWS, 'utf8')
  .trim()
  .split('\n')
  .slice(0, 30)
  .map((line) => (JSON.parse(line) as Order).messages);

/** Asks the playground's tuned model, greedily. @returns how many answers are right to the letter */
async function countExact(page: Page, run_id: string): Promise<number> {
  const adapters = [{ kind: 'run' as const, run_id, checkpoint: 'final' as const, scale: 1 }];
  await call(page, 'chat.load', { voice: 'tuned', model_path: null, adapters, n_ctx: 512 });
  let exact = 0;
  for (const [index, order] of ORDERS.entries()) {
    const messages = order.filter(({ role }) => role !== 'assistant');
    const expected = order.find(({ role }) => role === 'assistant')!.content;
    const answer = await page.evaluate(
      async ([ask_id, asked]) => {
        const done = new Promise<string>((resolve) => {
          const stop = window.forja.on('chat.done', (event) => {
            if (event.ask_id !== ask_id) return;
            stop();
            resolve(event.result?.text ?? `error: ${event.error?.message}`);
          });
        });
        const sampling = { temperature: 0, top_p: 1, top_k: 0, min_p: 0, repeat_penalty: 1, seed: 1 };
        await window.forja.invoke('chat.ask', { ask_id, voice: 'tuned', messages: asked, sampling, max_tokens: 64 });
        return await done;
      },
      [`count-${index}`, messages] as const,
    );
    if (answer.trim() === expected) exact += 1;
  }
  return exact;
}

test('the sample, as it is offered, teaches the task: at least nine of ten orders that it never saw come out right', async () => {
  test.setTimeout(1_500_000);
  const { page, close } = await launch({ size: { width: 1280, height: 800 } });
  await page.getByRole('button', { name: /^Try the sample/ }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'New fine-tune' })).toBeVisible();
  await expect(page.getByRole('spinbutton', { name: 'Step limit', exact: true })).toHaveValue('80');
  // What is compared comes from the rows that it does not learn from, with their answers.
  await expect(page.getByRole('textbox', { name: 'Prompt 1', exact: true })).toHaveValue(ORDERS[0]![1]!.content);
  await expect(page.getByRole('textbox', { name: 'Expected answer 1' })).toHaveValue(ORDERS[0]![2]!.content);
  await page.getByRole('button', { name: 'Start training' }).click();

  // Before the first step the base is measured, and it begins to answer.
  await expect(page).toHaveURL(/#\/runs\//);
  const run_id = /runs\/(\w+)/.exec(page.url())![1]!;
  const answers = page.getByRole('region', { name: 'Answers' });
  await expect(answers).toContainText(/Base model: 0 of \d exact/, { timeout: 240_000 });
  await expect(page.getByRole('status').filter({ hasText: 'Done' })).toBeVisible({ timeout: 900_000 });
  await expect(page.getByRole('region', { name: 'Final scores' })).toContainText('It learned');
  // Beside the training answers take their time; what is left of them comes after it.
  await expect(answers).toContainText(/[45] of 5 exact; base model: 0 of 5/, { timeout: 240_000 });
  const first = answers.getByRole('listitem').first();
  await expect(first).toContainText(ORDERS[0]![1]!.content);
  await expect(first).toContainText('Tuned, step 80');
  expect(await violations(page)).toEqual([]);

  const { validations } = await call(page, 'runs.metrics', { run_id, max_points: 100 });
  expect(validations.step[0]).toBe(0);
  expect(validations.step.length).toBeGreaterThan(3);
  expect(validations.val_loss.at(-1)).toBeLessThan(validations.val_loss[0]! / 4);

  const exact = await countExact(page, run_id);
  test.info().annotations.push({ type: 'exact', description: `${exact} of ${ORDERS.length} held-out orders` });
  expect(exact).toBeGreaterThanOrEqual(0.9 * ORDERS.length);
  await close();
});
