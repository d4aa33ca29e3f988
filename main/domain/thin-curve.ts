/** A point of a run's curves: its step, and the two values that must not lose their peaks. */
export type CurvePoint = readonly [step: number, train_loss: number, grad_norm: number];

/** Points kept of each bucket: lowest and highest loss, highest gradient norm. */
const KEPT_PER_BUCKET = 3;

/**
 * The steps to draw when there are more than can be drawn: first and last, and of each of many equal stretches those with the
 * lowest and the highest loss and with the highest gradient norm. So a spike of one step in a hundred thousand stays visible.
 *
 * @param points in the order of their steps
 * @param max_points most steps wanted, 2 or more
 * @returns steps, rising
 */
export function thinCurve(points: readonly CurvePoint[], max_points: number): number[] {
  const n = points.length;
  if (n <= max_points) return points.map(([step]) => step);
  const kept = new Set([0, n - 1]);
  const buckets = Math.floor((max_points - 2) / KEPT_PER_BUCKET);
  for (let bucket = 0; bucket < buckets; bucket++) {
    const from = 1 + Math.floor((bucket * (n - 2)) / buckets);
    const to = 1 + Math.floor(((bucket + 1) * (n - 2)) / buckets);
    let low = from;
    let high = from;
    let steep = from;
    for (let at = from; at < to; at++) {
      if (points[at]![1] < points[low]![1]) low = at;
      if (points[at]![1] > points[high]![1]) high = at;
      if (points[at]![2] > points[steep]![2]) steep = at;
    }
    kept.add(low).add(high).add(steep);
  }
  return [...kept].sort((a, b) => a - b).map((at) => points[at]![0]);
}
