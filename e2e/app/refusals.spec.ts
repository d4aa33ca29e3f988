import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@playwright/test';
import { chooseFiles, makeFixtures, makeTinyModel, openScreen, part, violations } from './flow.ts';
import { answerOpenDialog, launch } from './launch.ts';
import { test } from './test.ts';

const REFUSED_MODELS = [
  { kind: 'unsupported-arch', says: /doesn't know the architecture 'mamba9'/ },
  { kind: 'truncated', says: /truncated|ends (too early|before)|cut off|shorter/i },
  { kind: 'wrong-magic', says: /no(t a)? GGUF/i },
];

test('a model that can not be trained is refused with its reason, and one that can takes its place', async () => {
  const running = await launch();
  const { app, page, dataDir, close } = running;
  await openScreen(page, 'New fine-tune');
  const model = part(page, 'Base model');
  for (const { kind, says } of REFUSED_MODELS) {
    await answerOpenDialog(app, Object.values(makeFixtures(dataDir, '--bad', kind))[0]!);
    await model
      .getByRole('button', { name: /^(Choose a file…|Change)$/ })
      .first()
      .click();
    await expect(model.getByRole('alert')).toContainText(says);
    await expect(page.getByRole('button', { name: 'Start training' })).toBeDisabled();
    expect(await violations(page)).toEqual([]);
  }
  await answerOpenDialog(app, makeTinyModel(dataDir));
  await model
    .getByRole('button', { name: /^(Choose a file…|Change)$/ })
    .first()
    .click();
  await expect(model.getByText('Can be trained')).toBeVisible();
  await expect(model.getByRole('alert')).toHaveCount(0);
  await close();
});

test('broken rows of a dataset are counted, and each is told with its line and what is wrong', async () => {
  const running = await launch();
  const { page, dataDir, close } = running;
  const data = join(dataDir, 'rows.jsonl');
  const good = (at: number) => JSON.stringify({ instruction: `Say ${at}.`, output: `${at}` });
  writeFileSync(
    data,
    [
      good(1),
      '{"instruction": "Never closed", "output": "x"',
      good(3),
      '["a list", "is no row"]',
      '{"instruction": "No answer at all"}',
      good(6),
      '{"instruction": 7, "output": {"not": "text"}}',
      good(8),
    ].join('\n'),
  );
  await openScreen(page, 'New fine-tune');
  await chooseFiles(running, makeTinyModel(dataDir), data);
  const dataset = part(page, 'Dataset');
  await expect(dataset.getByRole('tab', { name: 'Rows 8' })).toBeVisible();
  await dataset.getByRole('tab', { name: /^Audit/ }).click();
  const refused = dataset.getByRole('table', { name: 'Refused rows' });
  const told = await refused
    .getByRole('row')
    .evaluateAll((rows) =>
      rows.slice(1).map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent.trim())),
    );
  expect(told).toEqual([
    // Where it breaks is told by the runtime's own words, which change from one to the next.
    ['2', expect.stringMatching(/^Not valid JSON: ./)],
    ['4', 'A row must be a JSON object {…}, this is an array.'],
    ['5', 'Has no column "output".'],
    ['7', 'The column "output" must be text, this is an object.'],
  ]);
  const count = (label: string) => dataset.locator('dt', { hasText: label }).locator('xpath=following-sibling::dd[1]');
  await expect(count('Rows read')).toHaveText('8');
  await expect(count('Rows used')).toHaveText('4');
  await expect(count('Rows refused')).toHaveText('4');
  expect(await violations(page)).toEqual([]);
  await close();
});
