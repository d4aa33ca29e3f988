import { describe, expect, test } from 'vitest';
import { drawn, gridOf, readVaried, rungs } from './sweep.ts';

describe('what is varied', () => {
  test.each([
    ['learning-rate=1e-4, 3e-4', { name: 'learning_rate', values: [1e-4, 3e-4] }],
    ['lora_rank=4..64', { name: 'lora_rank', low: 4, high: 64 }],
    ['method=lora,dora', { name: 'method', values: ['lora', 'dora'] }],
    ['use_rslora=true,false', { name: 'use_rslora', values: [true, false] }],
    ['target_modules=q+v_proj,q', { name: 'target_modules', values: [['q', 'v'], ['q']] }],
  ])('%s', (text, expected) => expect(readVaried(text)).toEqual(expected));

  test.each([
    ['lora_rnak=4', /no setting "lora_rnak"/],
    ['split_seed=1,2', /same for all/],
    ['init_adapter_path=/a,/b', /same for all/],
    ['method=a..b', /no number/],
    ['lora_rank=8..4', /LOW\.\.HIGH/],
    ['lora_rank=', /missing/],
    ['lora_rank=4,x', /is none/],
    ['use_rslora=maybe', /is none/],
  ])('%s is refused', (text, message) => {
    expect(() => readVaried(text)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringMatching(message) as string }),
    );
  });
});

test('a grid has every combination once', () => {
  expect(gridOf([readVaried('lora_rank=4,8'), readVaried('learning_rate=1e-4,2e-4,3e-4')])).toEqual(
    [4, 8].flatMap((lora_rank) => [1e-4, 2e-4, 3e-4].map((learning_rate) => ({ lora_rank, learning_rate }))),
  );
  expect(() => gridOf([readVaried('lora_rank=4..8')])).toThrow(/--search random/);
});

test('random runs are drawn from the ranges, the same for a seed, each once', () => {
  const varied = [readVaried('learning_rate=1e-5..1e-2'), readVaried('lora_rank=4..8')];
  const trials = drawn(varied, 400, 1);
  expect(drawn(varied, 400, 1)).toEqual(trials);
  expect(drawn(varied, 400, 2)).not.toEqual(trials);
  expect(new Set(trials.map((trial) => JSON.stringify(trial))).size).toBe(400);
  // By its logarithm: about a third in each decade.
  const decades = [1e-5, 1e-4, 1e-3].map(
    (from) =>
      trials.filter(({ learning_rate }) => Number(learning_rate) >= from && Number(learning_rate) < from * 10).length,
  );
  for (const n of decades) expect(Math.abs(n - 400 / 3)).toBeLessThan(40);
  expect(new Set(trials.map(({ lora_rank }) => lora_rank))).toEqual(new Set([4, 5, 6, 7, 8]));
  expect(drawn([readVaried('lora_rank=4,8')], 5, 1)).toHaveLength(2);
});

test('halving doubles the steps from rung to rung', () => {
  expect(rungs(8)).toEqual([1 / 8, 1 / 4, 1 / 2, 1]);
  expect(rungs(6)).toEqual([1 / 8, 1 / 4, 1 / 2, 1]);
  expect(rungs(1)).toEqual([1]);
});
