import { describe, expect, it } from 'vitest';
import type { IpcEvent } from '../../../main/contracts/ipc.ts';
import { curvesFrom, drawnPoints, lossColumns, MAX_POINTS, NO_CURVES, smoothed, withSteps } from './run-curves.ts';

type StepsEvent = IpcEvent<'run.steps'>;

function stepOf(step: number): StepsEvent['steps'][number] {
  return {
    step,
    total_steps: 100_000,
    epoch: step / 1000,
    train_loss: 3 / Math.sqrt(step),
    learning_rate: 2e-4,
    grad_norm: 1,
    tokens_per_second: 500,
    tokens: 100,
    supervised_tokens: 50,
    elapsed_ms: step * 10,
    eta_ms: 1000,
    peak_memory_bytes: 1e9,
    time_ms: step,
  };
}

function validationOf(step: number): StepsEvent['validations'][number] {
  return { step, val_loss: 1, perplexity: Math.E, tokens: 10, is_best: true, time_ms: step };
}

function event(steps: number[], change: Partial<StepsEvent> = {}): StepsEvent {
  return { run_id: 'r', forget_after_step: null, steps: steps.map(stepOf), validations: [], ...change };
}

describe('withSteps', () => {
  it('keeps every step of a short run', () => {
    const curves = withSteps(withSteps(NO_CURVES, event([1, 2])), event([3], { validations: [validationOf(3)] }));
    expect(drawnPoints(curves).map(({ step }) => step)).toEqual([1, 2, 3]);
    expect(curves.validations).toEqual([{ step: 3, val_loss: 1 }]);
  });

  it('does not change what it was given', () => {
    const before = withSteps(NO_CURVES, event([1]));
    const copy = structuredClone(before);
    withSteps(before, event([2, 3], { forget_after_step: 0 }));
    expect(before).toEqual(copy);
  });

  it('takes a step that was loaded already only once', () => {
    const curves = withSteps(withSteps(NO_CURVES, event([1, 2, 3])), event([2, 3, 4]));
    expect(drawnPoints(curves).map(({ step }) => step)).toEqual([1, 2, 3, 4]);
  });

  it('forgets what a run that went on from a checkpoint does anew', () => {
    const before = withSteps(NO_CURVES, event([1, 2, 3, 4], { validations: [validationOf(2), validationOf(4)] }));
    const curves = withSteps(before, event([3], { forget_after_step: 2 }));
    expect(drawnPoints(curves).map(({ step }) => step)).toEqual([1, 2, 3]);
    expect(curves.validations.map(({ step }) => step)).toEqual([2]);
  });

  it('stays bounded over 100,000 events, with the first and the newest step', () => {
    let curves = NO_CURVES;
    let most = 0;
    for (let step = 1; step <= 100_000; step++) {
      curves = withSteps(curves, event([step], step % 10 === 0 ? { validations: [validationOf(step)] } : {}));
      most = Math.max(most, curves.points.length, curves.validations.length);
    }
    expect(most).toBeLessThanOrEqual(MAX_POINTS);
    expect(curves.points.length).toBeGreaterThan(MAX_POINTS / 4);
    expect(curves.points[0]!.step).toBe(1);
    expect(drawnPoints(curves).at(-1)!.step).toBe(100_000);
    const steps = drawnPoints(curves).map(({ step }) => step);
    expect([...new Set(steps)].sort((a, b) => a - b)).toEqual(steps);
  });
});

describe('curvesFrom', () => {
  it('goes on in the measure in which the loaded steps were thinned', () => {
    const step = Array.from({ length: 1000 }, (_, index) => (index + 1) * 50);
    const ones = step.map(() => 1);
    const loaded = curvesFrom({
      run_id: 'r',
      n_steps: 50_000,
      steps: {
        step,
        time_ms: ones,
        epoch: ones,
        train_loss: ones,
        learning_rate: ones,
        grad_norm: ones,
        tokens_per_second: ones,
      },
      validations: { step: [100], val_loss: [2] },
    });
    const curves = withSteps(loaded, event([50_001, 50_002, 50_050]));
    expect(curves.points).toHaveLength(1001);
    expect(curves.latest!.step).toBe(50_050);
  });
});

describe('lossColumns', () => {
  it('lines up training and validation by step', () => {
    const curves = withSteps(NO_CURVES, event([1, 2], { validations: [validationOf(0), validationOf(2)] }));
    const [steps, raw, , validation] = lossColumns(curves);
    expect(steps).toEqual([0, 1, 2]);
    expect(raw).toEqual([null, 3, 3 / Math.sqrt(2)]);
    expect(validation).toEqual([1, null, 1]);
  });
});

describe('smoothed', () => {
  it('leaves few values as they are and gaps as gaps', () => {
    expect(smoothed([3, null, 1])).toEqual([3, null, 1]);
  });
});
