import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { alpacaRows, expectRefusal, fixture, useWorkplace } from '../support/forja.ts';

const place = useWorkplace();

const sweep = (out: string, ...more: string[]) => [
  ...['sweep', '--model', fixture('llama-f32.gguf'), '--data', place.path('rows.jsonl'), '--out', place.path(out)],
  ...['--max-seq-len', '128', '--max-steps', '8', '--eval-steps', '1', '--threads', '1', '--json', ...more],
];
const SIX = ['--vary', 'learning_rate=1e-4,1e-2,5e-2', '--vary', 'lora_rank=2,4'];

interface Kept {
  trials: { best_val_loss: number; steps: number; status: string; learning_rate: number }[];
}
const kept = (out: string) => JSON.parse(readFileSync(place.path(`${out}/sweep.json`), 'utf8')) as Kept;
const splitOf = (out: string) =>
  (JSON.parse(readFileSync(place.path(`${out}/run.json`), 'utf8')) as { split: object }).split;

beforeAll(() => void place.write('rows.jsonl', alpacaRows(60)));

describe('forja sweep', () => {
  test('trains six runs on one split, names the best, and does nothing twice', async () => {
    // Stopped after its second run began, and gone on with by the same command.
    const stopped = await place.watch(sweep('grid', ...SIX), ({ type, trial, steps }, child) => {
      if (type === 'sweep_trial' && trial === 2 && Number(steps) >= 2) child.kill('SIGINT');
    });
    expect(stopped.code).toBe(3);
    expect(stopped.last).toMatchObject({ status: 'stopped', completed_runs: 1 });
    const { code, last, lines, stderr } = await place.forja(...sweep('grid', ...SIX));
    expect(code, stderr).toBe(0);
    expect(last).toMatchObject({
      status: 'completed',
      runs: 6,
      completed_runs: 6,
      failed_runs: 0,
      steps: 48,
      steps_left: 0,
    });
    expect(lines.filter(({ type, trial }) => type === 'sweep_trial' && trial === 1)).toHaveLength(0);
    const losses = kept('grid').trials.map(({ best_val_loss }) => best_val_loss);
    expect(last.best_val_loss).toBe(Math.min(...losses));
    expect(last.best_run).toBe(losses.indexOf(Math.min(...losses)) + 1);
    // A rate of 1e-4 moves a random model hardly at all in eight steps.
    expect(last.learning_rate).not.toBe(1e-4);
    expect(existsSync(place.path(`grid/trial-${String(last.best_run)}/best/adapter.gguf`))).toBe(true);
    for (const trial of [2, 3, 4, 5, 6]) expect(splitOf(`grid/trial-${trial}`)).toEqual(splitOf('grid/trial-1'));
  }, 120_000);

  test('halving lets the better half go on', async () => {
    // Steps of 48 rows, so that the word to stop comes in time.
    const four = [
      ...['--vary', 'learning_rate=1e-4,1e-3,1e-2,5e-2', '--search', 'halving', '--max-runs', '4'],
      ...['--max-steps', '16', '--gradient-accumulation-steps', '48'],
    ];
    const { code, last, stderr } = await place.forja(...sweep('halving', ...four));
    expect(code, stderr).toBe(0);
    expect(last).toMatchObject({ runs: 4, failed_runs: 0, status: 'completed' });
    const { trials } = kept('halving');
    // A quarter of the steps for all, half of them for two, all for one, and the one that did all is the best.
    expect(trials.filter(({ steps }) => steps >= 4)).toHaveLength(4);
    expect(trials.filter(({ status }) => status === 'stopped').length).toBeGreaterThanOrEqual(2);
    const best = trials.find(({ best_val_loss }) => best_val_loss === last.best_val_loss);
    expect(best).toMatchObject({ status: 'completed', steps: 16 });
    expect(Number(last.steps) + Number(last.steps_left)).toBe(64);
    expect(Number(last.steps_left)).toBeGreaterThan(0);
  }, 120_000);

  test('what cannot be trained or compared is refused before anything is trained', async () => {
    const refused = async (...more: string[]) => await place.forja(...sweep('refused', ...more));
    expectRefusal(await refused('--vary', 'lora_rank=4,0'), 'setting_invalid', /lora_rank/);
    expectRefusal(await refused('--vary', 'split_seed=1,2'), 'usage', /same for all/);
    expectRefusal(await refused(...SIX, '--max-runs', '5'), 'usage', /6 combinations/);
    expectRefusal(await refused(...SIX, '--val-share', '0'), 'usage', /validate/);
    expect(existsSync(place.path('refused'))).toBe(false);
  }, 60_000);
});
