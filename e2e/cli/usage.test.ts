import { describe, expect, test } from 'vitest';
import { expectRefusal, fixture, useWorkplace } from '../support/forja.ts';

const place = useWorkplace();

test('the help names every command', async () => {
  const { code, stdout } = await place.forja('--help');
  expect(code).toBe(0);
  for (const name of [
    'inspect',
    'audit',
    'train',
    'resume',
    'sweep',
    'runs',
    'score',
    'evaluate',
    'chat',
    'export',
    'doctor',
  ]) {
    expect(stdout).toContain(`  ${name}`);
  }
});

test.each(['inspect', 'audit', 'train', 'resume', 'sweep', 'runs', 'score', 'evaluate', 'chat', 'export', 'doctor'])(
  '%s --help',
  async (name) => {
    const { code, stdout } = await place.forja(name, '--help');
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: forja ${name}`);
    expect(stdout).toContain('--json');
  },
);

describe('bad usage', () => {
  test('no such command', async () => expectRefusal(await place.forja('trian', '--json'), 'usage', /no command trian/));
  test('no such option', async () => {
    expectRefusal(await place.forja('train', '--lora-rnak', '4', '--json'), 'usage', /no option --lora-rnak/);
  });
  test('a setting out of its range', async () => {
    const data = place.write('one.jsonl', '{"instruction":"a","output":"b"}');
    const out = place.path('never');
    const outcome = await place.forja(
      'train',
      '--model',
      fixture('llama-f32.gguf'),
      '--data',
      data,
      '--out',
      out,
      '--lora-rank',
      '0',
      '--json',
    );
    expectRefusal(outcome, 'setting_invalid', /lora_rank must be >= 1/);
  });
});

test('doctor finds the trainer and the database', async () => {
  const { code, last, lines } = await place.forja('doctor', '--json');
  expect(last).toMatchObject({ ok: true, failed: [] });
  expect(lines.find(({ name }) => name === 'Trainer')).toMatchObject({ ok: true });
  expect(code).toBe(0);
});
