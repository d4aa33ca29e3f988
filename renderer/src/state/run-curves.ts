import type { IpcEvent, IpcResponse } from '../../../main/contracts/ipc.ts';
import { thinned } from './thinned.ts';

/** One step as the charts show it. Losses in nats per supervised token. */
export interface CurvePoint {
  step: number;
  train_loss: number;
  learning_rate: number;
  grad_norm: number;
  tokens_per_second: number;
  /** Figures of the objective, by name. */
  metrics: Readonly<Record<string, number>>;
}

export interface ValidationPoint {
  step: number;
  val_loss: number;
  metrics: Readonly<Record<string, number>>;
}

/** The curves of a run, of bounded size: however long it trains, at most `MAX_POINTS` a series, its peaks among them. */
export interface RunCurves {
  /** In the order of their steps; each is a real step, the last one is the newest. */
  points: readonly CurvePoint[];
  validations: readonly ValidationPoint[];
  /** How many steps share their peaks, for either series; see `thinned`. */
  stretch: number;
  validation_stretch: number;
}

export const MAX_POINTS = 2000;

export const NO_CURVES: RunCurves = { points: [], validations: [], stretch: 1, validation_stretch: 1 };

/** What must not lose its peaks. */
const POINT_PEAKS = [
  ({ train_loss }: CurvePoint) => train_loss,
  ({ train_loss }: CurvePoint) => -train_loss,
  ({ grad_norm }: CurvePoint) => grad_norm,
];
const VALIDATION_PEAKS = [({ val_loss }: ValidationPoint) => val_loss, ({ val_loss }: ValidationPoint) => -val_loss];

/** The curves that the main process has kept so far. */
export function curvesFrom({ n_steps, steps, validations }: IpcResponse<'runs.metrics'>): RunCurves {
  const points = steps.step.map((step, at) => ({
    step,
    train_loss: steps.train_loss[at]!,
    learning_rate: steps.learning_rate[at]!,
    grad_norm: steps.grad_norm[at]!,
    tokens_per_second: steps.tokens_per_second[at]!,
    metrics: metricsAt(steps.metrics, at),
  }));
  const isWhole = points.length === n_steps;
  return bounded({
    points,
    validations: validations.step.map((step, at) => ({
      step,
      val_loss: validations.val_loss[at]!,
      metrics: metricsAt(validations.metrics, at),
    })),
    stretch: isWhole ? 1 : Math.ceil((POINT_PEAKS.length * n_steps) / points.length),
    validation_stretch: 1,
  });
}

/** One step's figures out of their columns. */
function metricsAt(columns: Readonly<Record<string, readonly (number | null)[]>>, at: number): Record<string, number> {
  return Object.fromEntries(
    Object.entries(columns).flatMap(([name, column]) => {
      const value = column[at] ?? null;
      return value === null ? [] : [[name, value]];
    }),
  );
}

/** The names of all figures that the curves have, in the order in which they come first. */
export function metricNames({ points, validations }: RunCurves): string[] {
  return [...new Set([...points, ...validations].flatMap(({ metrics }) => Object.keys(metrics)))];
}

/** Columns for a chart of one figure: steps, its values in training, and on the validation rows. */
export function metricColumns(curves: RunCurves, name: string): [number[], (number | null)[], (number | null)[]] {
  const points = new Map(curves.points.map((point) => [point.step, point.metrics[name] ?? null]));
  const checks = new Map(curves.validations.map((point) => [point.step, point.metrics[name] ?? null]));
  const steps = [...new Set([...points.keys(), ...checks.keys()])].sort((a, b) => a - b);
  return [steps, steps.map((step) => points.get(step) ?? null), steps.map((step) => checks.get(step) ?? null)];
}

/** The curves after an event; steps that they have already are left as they are. */
export function withSteps(curves: RunCurves, event: IpcEvent<'run.steps'>): RunCurves {
  const kept = event.forget_after_step === null ? curves : forgetAfter(curves, event.forget_after_step);
  const points = newer(kept.points, event.steps).map(
    ({ step, train_loss, learning_rate, grad_norm, tokens_per_second, metrics = {} }) => ({
      step,
      train_loss,
      learning_rate,
      grad_norm,
      tokens_per_second,
      metrics,
    }),
  );
  const validations = newer(kept.validations, event.validations).map(({ step, val_loss, metrics = {} }) => ({
    step,
    val_loss,
    metrics,
  }));
  return bounded({
    ...kept,
    points: points.length === 0 ? kept.points : [...kept.points, ...points],
    validations: validations.length === 0 ? kept.validations : [...kept.validations, ...validations],
  });
}

/** Of what came, the part that goes on from what is there. */
function newer<Point extends { step: number }>(there: readonly { step: number }[], came: readonly Point[]): Point[] {
  let last = there.at(-1)?.step ?? -1;
  return came.filter(({ step }) => {
    if (step <= last) return false;
    last = step;
    return true;
  });
}

function forgetAfter(curves: RunCurves, step: number): RunCurves {
  return {
    ...curves,
    points: curves.points.filter((point) => point.step <= step),
    validations: curves.validations.filter((point) => point.step <= step),
  };
}

function bounded({ points, validations, stretch, validation_stretch }: RunCurves): RunCurves {
  const steps = fitting(points, stretch, POINT_PEAKS);
  const checks = fitting(validations, validation_stretch, VALIDATION_PEAKS);
  return {
    points: steps.points,
    validations: checks.points,
    stretch: steps.stretch,
    validation_stretch: checks.stretch,
  };
}

/** Thins by the stretch, or by as many times twice of it as it takes to come down to `MAX_POINTS`. */
function fitting<Point extends { step: number }>(
  points: readonly Point[],
  stretch: number,
  peaks: readonly ((point: Point) => number)[],
): { points: readonly Point[]; stretch: number } {
  const fit = thinned(points, stretch, peaks);
  return fit.length <= MAX_POINTS ? { points: fit, stretch } : fitting(fit, 2 * stretch, peaks);
}

/**
 * Columns for a chart of losses: steps, training loss, its moving average, validation loss; null where there is none.
 */
export function lossColumns(curves: RunCurves): [number[], (number | null)[], (number | null)[], (number | null)[]] {
  const points = new Map(curves.points.map((point) => [point.step, point.train_loss]));
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
