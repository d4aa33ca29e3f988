import type { IpcEvent, IpcResponse } from '../../../main/contracts/ipc.ts';

/** One step as the charts show it. Losses in nats per supervised token. */
export interface CurvePoint {
  step: number;
  train_loss: number;
  learning_rate: number;
  grad_norm: number;
  tokens_per_second: number;
}

export interface ValidationPoint {
  step: number;
  val_loss: number;
}

/** The curves of a run, of bounded size: however long it trains, at most `MAX_POINTS` a series. */
export interface RunCurves {
  /** In the order of their steps; each is a real step, those between are left out. */
  points: readonly CurvePoint[];
  validations: readonly ValidationPoint[];
  /** Every how many steps a point is kept. */
  stride: number;
  /** The newest step, whether kept among the points or not. */
  latest: CurvePoint | null;
}

export const MAX_POINTS = 2000;

export const NO_CURVES: RunCurves = { points: [], validations: [], stride: 1, latest: null };

/** The curves that the main process has kept so far. */
export function curvesFrom({ n_steps, steps, validations }: IpcResponse<'runs.metrics'>): RunCurves {
  const points = steps.step.map((step, at) => ({
    step,
    train_loss: steps.train_loss[at]!,
    learning_rate: steps.learning_rate[at]!,
    grad_norm: steps.grad_norm[at]!,
    tokens_per_second: steps.tokens_per_second[at]!,
  }));
  const stride = points.length === 0 ? 1 : Math.max(1, Math.ceil(n_steps / points.length));
  return bounded({
    points,
    validations: validations.step.map((step, at) => ({ step, val_loss: validations.val_loss[at]! })),
    stride,
    latest: points.at(-1) ?? null,
  });
}

/** The curves after an event; steps that they have already are left as they are. */
export function withSteps(curves: RunCurves, event: IpcEvent<'run.steps'>): RunCurves {
  const kept = event.forget_after_step === null ? curves : forgetAfter(curves, event.forget_after_step);
  const points: CurvePoint[] = [];
  let { latest } = kept;
  for (const data of event.steps) {
    if (latest !== null && data.step <= latest.step) continue;
    const { step, train_loss, learning_rate, grad_norm, tokens_per_second } = data;
    latest = { step, train_loss, learning_rate, grad_norm, tokens_per_second };
    if (step % kept.stride === 0 || kept.points.length + points.length === 0) points.push(latest);
  }
  let last = kept.validations.at(-1)?.step ?? -1;
  const validations: ValidationPoint[] = [];
  for (const { step, val_loss } of event.validations) {
    if (step <= last) continue;
    last = step;
    validations.push({ step, val_loss });
  }
  return bounded({
    ...kept,
    points: points.length === 0 ? kept.points : [...kept.points, ...points],
    validations: validations.length === 0 ? kept.validations : [...kept.validations, ...validations],
    latest,
  });
}

function forgetAfter(curves: RunCurves, step: number): RunCurves {
  const points = curves.points.filter((point) => point.step <= step);
  const { latest } = curves;
  return {
    ...curves,
    points,
    validations: curves.validations.filter((point) => point.step <= step),
    latest: latest !== null && latest.step <= step ? latest : (points.at(-1) ?? null),
  };
}

function bounded(curves: RunCurves): RunCurves {
  let { points, validations, stride } = curves;
  while (points.length > MAX_POINTS) {
    points = everySecond(points);
    stride *= 2;
  }
  while (validations.length > MAX_POINTS) validations = everySecond(validations);
  return { ...curves, points, validations, stride };
}

/** Half of the points, with the first and the last. */
function everySecond<Point>(points: readonly Point[]): Point[] {
  return points.filter((_, index) => index % 2 === 0 || index === points.length - 1);
}

/** All points to draw: those kept, and the newest. */
export function drawnPoints({ points, latest }: RunCurves): readonly CurvePoint[] {
  return latest === null || latest.step <= (points.at(-1)?.step ?? -1) ? points : [...points, latest];
}

/**
 * Columns for a chart of losses: steps, training loss, its moving average, validation loss; null where there is none.
 */
export function lossColumns(curves: RunCurves): [number[], (number | null)[], (number | null)[], (number | null)[]] {
  const points = new Map(drawnPoints(curves).map((point) => [point.step, point.train_loss]));
  const validations = new Map(curves.validations.map((point) => [point.step, point.val_loss]));
  const steps = [...new Set([...points.keys(), ...validations.keys()])].sort((a, b) => a - b);
  const raw = steps.map((step) => points.get(step) ?? null);
  return [steps, raw, smoothed(raw), steps.map((step) => validations.get(step) ?? null)];
}

/** A moving average over about a fiftieth of the values, so that a noisy loss shows where it goes. */
export function smoothed(values: readonly (number | null)[]): (number | null)[] {
  const weight = 1 / Math.max(1, Math.min(50, values.length / 50));
  let average: number | null = null;
  return values.map((value) => {
    if (value === null || !Number.isFinite(value)) return null;
    average = average === null ? value : average + weight * (value - average);
    return average;
  });
}
