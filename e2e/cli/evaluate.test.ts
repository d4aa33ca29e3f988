import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { alpacaRows, expectRefusal, fixture, useWorkplace } from '../support/forja.ts';

const place = useWorkplace();
const METRICS = ['loss', 'exact_match', 'chrf', 'number'];

const evaluate = (out: string, ...more: string[]) => [
  ...['evaluate', '--run', place.path('run'), '--out', place.path(out), '--max-tokens', '8', '--threads', '1'],
  ...METRICS.flatMap((metric) => ['--metric', metric]),
  ...['--json', ...more],
];

/** All that was measured; where it lies is another matter. */
function figures(last: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(last).filter(([name]) => name !== 'out_dir'));
}

beforeAll(async () => {
  place.write('rows.jsonl', alpacaRows(60));
  const { code, stderr } = await place.forja(
    ...['train', '--model', fixture('llama-f32.gguf'), '--data', place.path('rows.jsonl'), '--val-share', '0.2'],
    ...['--out', place.path('run'), '--lora-rank', '4', '--target-modules', 'all-linear', '--max-seq-len', '128'],
    ...['--learning-rate', '1e-2', '--micro-batch-size', '4', '--max-steps', '12', '--threads', '1'],
  );
  expect(code, stderr).toBe(0);
});

describe('forja evaluate', () => {
  test("measures the run's held-out rows before and after", async () => {
    const whole = await place.forja(...evaluate('whole'));
    expect(whole.code, whole.stderr).toBe(0);
    const { last } = whole;
    expect(last).toMatchObject({ command: 'evaluate', ok: true, status: 'completed', refused_rows: 0 });
    // The rows that training held out, and no others.
    const run = JSON.parse(readFileSync(place.path('run/run.json'), 'utf8')) as { split: { held_out_rows: number } };
    expect(last.rows).toBe(run.split.held_out_rows);
    for (const name of METRICS) {
      const { difference, low, high } = Object.fromEntries(
        ['difference', 'low', 'high'].map((part) => [part, last[`${name}_${part}`] as number]),
      ) as Record<'difference' | 'low' | 'high', number>;
      expect(difference).toBeCloseTo((last[`${name}_tuned`] as number) - (last[`${name}_base`] as number), 12);
      expect(low).toBeLessThanOrEqual(difference);
      expect(high).toBeGreaterThanOrEqual(difference);
    }
    // Twelve steps at this rate take a random model's loss from that of chance.
    expect(last.loss_judgement).toBe('better');

    // Killed in the middle of the answers and begun again, it says the same to the last digit.
    const killed = await place.watch(evaluate('killed'), (line, child) => {
      if (line.phase === 'answers' && line.side === 'tuned' && line.done === 3) child.kill('SIGKILL');
    });
    expect(killed.last.type).toBe('evaluation_progress');
    const resumed = await place.forja(...evaluate('killed'));
    expect(resumed.lines.filter(({ phase, side }) => phase === 'answers' && side === 'base')).toHaveLength(0);
    expect(figures(resumed.last)).toEqual(figures(last));
  });

  test('stops at a signal, and goes on', async () => {
    const stopped = await place.watch(evaluate('stopped'), (line, child) => {
      if (line.phase === 'answers' && line.done === 2) child.kill('SIGTERM');
    });
    expect(stopped.code).toBe(3);
    expect(stopped.last).toMatchObject({ status: 'stopped', exit_code: 3 });
    expect(existsSync(place.path('stopped'))).toBe(true);
    expect((await place.forja(...evaluate('stopped'))).last.status).toBe('completed');
  });

  test('scores options by likelihood, with accuracy per subject', async () => {
    const rows = Array.from({ length: 8 }, (_, at) => ({
      question: `Add ${at} and ${at + 1}.`,
      options: [`The sum is ${2 * at + 1}.`, 'blue', 'none of them at all'],
      answer: 'A',
      subject: at % 2 === 0 ? 'even' : 'odd',
    }));
    place.write('choices.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'));
    const args = ['evaluate', '--run', place.path('run'), '--data', place.path('choices.jsonl')];
    const { last, stderr } = await place.forja(...args, '--metric', 'multiple_choice', '--threads', '1', '--json');
    expect(last, stderr).toMatchObject({ rows: 8, multiple_choice_rows: 8, multiple_choice_normalised_rows: 8 });
    // Trained on sums, it finds one likelier than what it never saw.
    expect(last.multiple_choice_normalised_tuned).toBe(1);
    const file = JSON.parse(readFileSync(`${last.out_dir as string}/evaluation.json`, 'utf8')) as {
      figures: { parts: { name: string; rows: number }[] }[];
    };
    expect(file.figures[0]!.parts.map(({ name, rows: count }) => [name, count])).toEqual([
      ['even', 4],
      ['odd', 4],
    ]);
  });

  test('has the accuracies and likelihoods of lm-eval-harness', async () => {
    const reference = join(import.meta.dirname, '../../main/evaluation/reference');
    const expected = JSON.parse(readFileSync(join(reference, 'lm-eval.json'), 'utf8')) as {
      acc: number;
      acc_norm: number;
      options: number[][];
    };
    const { last, stderr } = await place.forja(
      ...['evaluate', '--model', inject('sampleModel'), '--data', join(reference, 'choices.jsonl'), '--json'],
      ...[
        '--metric',
        'multiple_choice',
        '--template',
        'plain',
        '--compute-type',
        'f32',
        '--out',
        place.path('lm-eval'),
      ],
    );
    expect(last.multiple_choice_base, stderr).toBeCloseTo(expected.acc, 12);
    expect(last.multiple_choice_normalised_base).toBeCloseTo(expected.acc_norm, 12);
    const found = readFileSync(join(last.out_dir as string, 'rows.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { nats: number[] }).nats);
    expect(found).toHaveLength(expected.options.length);
    for (const [row, nats] of found.entries())
      for (const [option, sum] of nats.entries()) {
        // Both compute in F32 with the same dequantised weights; sums in another order were seen to differ by 1.2e-4.
        expect(Math.abs(sum - expected.options[row]![option]!), `row ${row}, option ${option}`).toBeLessThan(1e-3);
      }
  });

  test('refuses what it can not measure', async () => {
    const args = ['evaluate', '--run', place.path('run'), '--json'];
    expectRefusal(await place.forja(...args, '--metric', 'regex'), 'evaluation_invalid', /needs a pattern/);
    expectRefusal(
      await place.forja(...args, '--data', place.path('rows.jsonl'), '--metric', 'multiple_choice'),
      'evaluation_rows_unfit',
      /question with options/,
    );
    expectRefusal(await place.forja(...args, '--metric', 'beauty'), 'usage', /beauty/);
  });
});
