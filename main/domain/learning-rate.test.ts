import { describe, expect, test } from 'vitest';
import { learningRate, warmupSteps, type ScheduleSettings } from './learning-rate.ts';

const settings = (over: Partial<ScheduleSettings>): ScheduleSettings => ({
  learning_rate: 1,
  lr_scheduler: 'linear',
  warmup_steps: 0,
  warmup_ratio: 0,
  ...over,
});
const curve = (one: ScheduleSettings, total: number) =>
  Array.from({ length: total }, (_, index) => learningRate(one, index + 1, total));

describe('learningRate', () => {
  test('linear with warmup rises from 0 and falls to one step above 0', () => {
    // get_linear_schedule_with_warmup(2, 10): lambda(0) … lambda(9), written out by hand.
    const expected = [0, 1 / 2, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8];
    curve(settings({ warmup_steps: 2 }), 10).forEach((rate, index) => expect(rate).toBeCloseTo(expected[index]!, 12));
  });

  test('linear without warmup starts at the peak', () => {
    expect(curve(settings({ learning_rate: 4 }), 4)).toEqual([4, 3, 2, 1]);
  });

  test('cosine is half way down in the middle', () => {
    const one = settings({ lr_scheduler: 'cosine', warmup_steps: 2 });
    expect(learningRate(one, 3, 10)).toBeCloseTo(1, 12);
    expect(learningRate(one, 7, 10)).toBeCloseTo(0.5, 12);
    expect(learningRate(one, 10, 10)).toBeCloseTo(0.5 * (1 + Math.cos((Math.PI * 7) / 8)), 12);
  });

  test('constant stays at the peak after warmup', () => {
    expect(curve(settings({ lr_scheduler: 'constant', warmup_steps: 1 }), 4)).toEqual([0, 1, 1, 1]);
  });

  test.each(['linear', 'cosine', 'constant'] as const)(
    'one step alone has the full rate, whatever the warmup: %s',
    (lr_scheduler) => {
      expect(curve(settings({ lr_scheduler, learning_rate: 3, warmup_ratio: 0.03 }), 1)).toEqual([3]);
      expect(curve(settings({ lr_scheduler, learning_rate: 3, warmup_steps: 10 }), 1)).toEqual([3]);
    },
  );

  test('with two steps or more some step learns, whatever the warmup', () => {
    for (let total = 2; total <= 40; total++) {
      for (const one of [{ warmup_ratio: 0.03 }, { warmup_ratio: 1 }, { warmup_steps: 1 }, { warmup_steps: 1000 }]) {
        expect(Math.max(...curve(settings(one), total))).toBeGreaterThan(0);
      }
    }
  });

  test('a warmup as long as the run never divides by zero', () => {
    expect(curve(settings({ warmup_steps: 4 }), 4)).toEqual([0, 0.25, 0.5, 0.75]);
  });
});

describe('warmupSteps', () => {
  test('steps win over the ratio, and the ratio is rounded up', () => {
    expect(warmupSteps(settings({ warmup_steps: 5, warmup_ratio: 0.5 }), 100)).toBe(5);
    expect(warmupSteps(settings({ warmup_ratio: 0.03 }), 101)).toBe(4);
    expect(warmupSteps(settings({}), 101)).toBe(0);
  });
});
