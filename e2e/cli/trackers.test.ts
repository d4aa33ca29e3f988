import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { alpacaRows, fixture, useWorkplace } from '../support/forja.ts';

const place = useWorkplace();

/** Steps of metrics.csv whose column has a value. */
function stepsWith(column: string): number[] {
  const [head, ...lines] = readFileSync(place.path('run/metrics.csv'), 'utf8').trimEnd().split('\n');
  const at = head!.split(',').indexOf(column);
  return lines.flatMap((line) => (line.split(',')[at] === '' ? [] : [Number(line.split(',')[0])]));
}

test('a run that goes on has each step once in metrics.csv, and one event file', async () => {
  place.write('rows.jsonl', alpacaRows(60));
  const stopped = await place.watch(
    [
      ...['train', '--model', fixture('llama-f32.gguf'), '--data', place.path('rows.jsonl'), '--val-share', '0.2'],
      ...['--out', place.path('run'), '--lora-rank', '4', '--max-seq-len', '128', '--max-steps', '12'],
      ...['--eval-steps', '4', '--checkpoint-steps', '2', '--threads', '1', '--json'],
    ],
    ({ type, data }, child) => {
      if (type === 'step' && data!.step === 5) child.kill('SIGINT');
    },
  );
  expect(stopped.code).toBe(3);
  expect((await place.forja('resume', place.path('run'))).code).toBe(0);
  expect(stepsWith('train_loss')).toEqual(Array.from({ length: 12 }, (_, at) => at + 1));
  expect(stepsWith('val_loss')).toEqual([0, 4, 8, 12]);
  const [file, ...others] = readdirSync(place.path('run/tensorboard'));
  expect(file).toMatch(/^events\.out\.tfevents\./);
  expect(others).toEqual([]);
});
