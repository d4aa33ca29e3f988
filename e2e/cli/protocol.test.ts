import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { alpacaRows, fixture, useWorkplace, type Line } from '../support/forja.ts';

const place = useWorkplace();
const golden = new URL('../../native/protocol/golden/', import.meta.url);

/** What a stream of events is made of: for each type (and job, for results) the names of its fields. */
function shapeOf(lines: Line[]): Record<string, string[]> {
  const shapes: Record<string, string[]> = {};
  for (const { type, data } of lines) {
    if (data === undefined) continue;
    const key = type === 'result' ? `result of ${String(data.job)}` : type;
    shapes[key] = Object.keys(data).sort();
  }
  return shapes;
}

function goldenShape(name: string): Record<string, string[]> {
  const text = readFileSync(new URL(`events-${name}.jsonl`, golden), 'utf8').trimEnd();
  return shapeOf(text.split('\n').map((line) => JSON.parse(line) as Line));
}

beforeAll(async () => {
  place.write('rows.jsonl', alpacaRows(12));
  await place.forja(
    ...['train', '--model', fixture('llama-f32.gguf'), '--data', place.path('rows.jsonl'), '--out', place.path('run')],
    ...[
      '--val-share',
      '0.3',
      '--max-steps',
      '4',
      '--checkpoint-steps',
      '2',
      '--eval-steps',
      '2',
      '--threads',
      '1',
      '--json',
    ],
  );
});

describe("the real trainer's events have the fields of the golden ones", () => {
  test('train', () => {
    const text = readFileSync(place.path('run/events.jsonl'), 'utf8').trimEnd();
    expect(shapeOf(text.split('\n').map((line) => JSON.parse(line) as Line))).toEqual(goldenShape('train'));
  });

  test.each([
    ['inspect', () => ['inspect', fixture('llama-f32.gguf')]],
    [
      'score',
      () => ['score', '--model', fixture('llama-f32.gguf'), '--data', place.path('rows.jsonl'), '--threads', '1'],
    ],
  ])('%s', async (name, args) => {
    const { lines } = await place.forja(...args(), '--json');
    expect(shapeOf(lines)).toMatchObject(withoutProgress(goldenShape(name)));
  });

  test('export and verify', async () => {
    const { lines } = await place.forja(
      'export',
      '--run',
      place.path('run'),
      '--output',
      place.path('out.gguf'),
      '--json',
    );
    const expected = { ...goldenShape('export'), ...goldenShape('verify') };
    expect(shapeOf(lines)).toMatchObject(withoutProgress(expected));
  });
});

/** How often progress is told depends on time. */
function withoutProgress({ progress: _, ...shape }: Record<string, string[]>): Record<string, string[]> {
  return shape;
}
