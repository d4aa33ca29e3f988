import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@playwright/test';
import { makeRows, makeTinyModel, part, startRun, violations } from './flow.ts';
import { answerSaveDialog, launch } from './launch.ts';
import { call, waitForStatus } from './sample.ts';
import { test } from './test.ts';

test('a run is evaluated before and after, its rows are searched, and the report is saved', async () => {
  const running = await launch({ size: { width: 1280, height: 800 } });
  const { app, page, dataDir, close } = running;
  await startRun(running, {
    name: 'Sums',
    model: makeTinyModel(dataDir),
    data: makeRows(dataDir, 80),
    fields: { 'Step limit': '12' },
  });
  const [run] = await call(page, 'runs.list');
  await waitForStatus(page, run!.id, 'completed');
  await page.evaluate((id) => (window.location.hash = `#/runs/${id}`), run!.id);

  const evaluation = part(page, 'Evaluation');
  await evaluation.getByLabel('Longest answer (tokens)').fill('8');
  await evaluation.getByRole('checkbox', { name: 'chrF' }).check();
  await evaluation.getByRole('button', { name: 'Evaluate', exact: true }).click();
  const figures = evaluation.getByRole('table', { name: 'Before and after' });
  await expect(figures).toBeVisible({ timeout: 120_000 });
  const loss = figures.getByRole('row').filter({ hasText: 'Loss' });
  await expect(loss).toContainText(/Better|Not enough rows to tell/);

  // What the screen says is what was measured.
  const { evaluations } = await call(page, 'evaluations.list', { run_id: run!.id });
  expect(evaluations).toHaveLength(1);
  expect(evaluations[0]!.figures.map(({ name }) => name)).toEqual(['loss', 'exact_match', 'token_f1', 'chrf']);
  const rows = evaluation.getByRole('region', { name: 'Row by row' });
  await expect(rows.getByRole('listitem')).toHaveCount(evaluations[0]!.rows);

  const { rows: table } = await call(page, 'evaluations.rows', {
    ...{ run_id: run!.id, key: evaluations[0]!.key, figure: 'loss', filter: 'all', search: '', offset: 0, limit: 200 },
  });
  await rows.getByLabel('Search').fill(table[0]!.prompt);
  await expect(rows.getByRole('listitem')).toHaveCount(1);
  await expect(rows.getByRole('listitem')).toContainText(table[0]!.expected);
  await rows.getByLabel('Search').fill('no such words');
  await expect(rows.getByRole('status')).toHaveText('No row fits');
  expect(await violations(page)).toEqual([]);

  const report = join(dataDir, 'report.html');
  await answerSaveDialog(app, report);
  await evaluation.getByRole('button', { name: 'Save as…' }).click();
  await page.getByRole('menuitem', { name: 'Report (HTML)' }).click();
  await expect(page.getByText(`Saved as ${report}`)).toBeVisible();
  const html = readFileSync(report, 'utf8');
  expect(html).toContain('Evaluation of Sums');
  expect(html).not.toMatch(/(?:src|href)=/);
  // It opens as it is, with nothing fetched.
  await page.setContent(html);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Evaluation of Sums');
  await expect(page.getByRole('row').filter({ hasText: 'chrF' })).toBeVisible();
  await close();
});
