import { describe, expect, it } from 'vitest';
import type { IpcEvent } from '../../../main/contracts/ipc.ts';
import {
  curvesFrom,
  lossColumns,
  MAX_POINTS,
  NO_CURVES,
  smoothed,
  withSteps,
  metricColumns,
  metricNames,
} from './run-curves.ts';

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
    expect(curves.points.map(({ step }) => step)).toEqual([1, 2, 3]);
    expect(curves.validations).toEqual([{ step: 3, val_loss: 1, metrics: {} }]);
  });

  it('does not change what it was given', () => {
    const before = withSteps(NO_CURVES, event([1]));
    const copy = structuredClone(before);
    withSteps(before, event([2, 3], { forget_after_step: 0 }));
    expect(before).toEqual(copy);
  });

  it('takes a step that was loaded already only once', () => {
    const curves = withSteps(withSteps(NO_CURVES, event([1, 2, 3])), event([2, 3, 4]));
    expect(curves.points.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
  });

  it('forgets what a run that went on from a checkpoint does anew', () => {
    const before = withSteps(NO_CURVES, event([1, 2, 3, 4], { validations: [validationOf(2), validationOf(4)] }));
    const curves = withSteps(before, event([3], { forget_after_step: 2 }));
    expect(curves.points.map(({ step }) => step)).toEqual([1, 2, 3]);
    expect(curves.validations.map(({ step }) => step)).toEqual([2]);
  });

  /** Trains as fast as it is ever shown: 1,000 steps a second, told ten times a second. */
  function streamed(from: number, to: number, begin = NO_CURVES, change = (_step: StepsEvent['steps'][number]) => {}) {
    let curves = begin;
    let most = 0;
    for (let step = from; step <= to; step += 100) {
      const came = event(Array.from({ length: 100 }, (_, at) => step + at));
      came.steps.forEach(change);
      came.validations = came.steps.filter((one) => one.step % 10 === 0).map((one) => validationOf(one.step));
      curves = withSteps(curves, came);
      most = Math.max(most, curves.points.length, curves.validations.length);
    }
    return { curves, most };
  }

  it('stays bounded over 100,000 steps, with the first and the newest step', () => {
    const { curves, most } = streamed(1, 100_000);
    expect(most).toBeLessThanOrEqual(MAX_POINTS);
    expect(curves.points.length).toBeGreaterThan(MAX_POINTS / 4);
    expect(curves.points[0]!.step).toBe(1);
    expect(curves.points.at(-1)!.step).toBe(100_000);
    expect(curves.validations.at(-1)!.step).toBe(100_000);
    const steps = curves.points.map(({ step }) => step);
    expect([...new Set(steps)].sort((a, b) => a - b)).toEqual(steps);
  });

  it('loses no spike of a single step, wherever it comes', () => {
    const losses = new Map([7, 2001, 33_333, 54_322, 99_999].map((step) => [step, 10 + step]));
    const norms = new Map([11, 4003, 77_777].map((step) => [step, 100 + step]));
    const { curves } = streamed(1, 100_000, NO_CURVES, (one) => {
      one.train_loss = losses.get(one.step) ?? one.train_loss;
      one.grad_norm = norms.get(one.step) ?? one.grad_norm;
    });
    const at = new Map(curves.points.map((point) => [point.step, point]));
    for (const [step, loss] of losses) expect(at.get(step)?.train_loss, `step ${step}`).toBe(loss);
    for (const [step, norm] of norms) expect(at.get(step)?.grad_norm, `step ${step}`).toBe(norm);
  });

  it('keeps the best validation of a run with very many', () => {
    let curves = NO_CURVES;
    for (let step = 10; step <= 100_000; step += 10) {
      const val_loss = step === 43_210 ? 0.5 : 1 + step / 1e6;
      curves = withSteps(curves, event([], { validations: [{ ...validationOf(step), val_loss }] }));
    }
    expect(curves.validations.length).toBeLessThanOrEqual(MAX_POINTS);
    expect(curves.validations).toContainEqual({ step: 43_210, val_loss: 0.5, metrics: {} });
  });
});

describe('curvesFrom', () => {
  it('goes on as sparsely as the loaded steps are thinned', () => {
    const step = Array.from({ length: 1000 }, (_, index) => (index + 1) * 50);
    const ones = step.map(() => 1);
    const loaded = curvesFrom({
      run_id: 'r',
      n_steps: 50_000,
      steps: {
        step,
        time_ms: ones,
        epoch: ones,
        train_loss: step.map((one) => 1 / one),
        learning_rate: ones,
        grad_norm: ones,
        tokens_per_second: ones,
        metrics: { kl: step.map((one) => (one > 50 ? one / 100 : null)) },
      },
      validations: { step: [100], val_loss: [2], metrics: { kl: [7] } },
    });
    const more = Array.from({ length: 3000 }, (_, at) => 50_001 + at);
    const curves = withSteps(loaded, event(more));
    const came = curves.points.filter((point) => point.step > 50_000);
    expect(came.length).toBeGreaterThan(20);
    expect(came.length).toBeLessThanOrEqual(66);
    expect(curves.points.at(-1)!.step).toBe(53_000);
    expect(metricNames(loaded)).toEqual(['kl']);
    const [steps, trained, validated] = metricColumns(loaded, 'kl');
    expect([steps[0], trained[0], validated[0]]).toEqual([50, null, null]);
    expect([steps[1], trained[1], validated[1]]).toEqual([100, 1, 7]);
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
