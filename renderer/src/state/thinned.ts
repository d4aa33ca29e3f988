/**
 * Points of a curve with most of them left out: of each stretch of steps those where one of `measures` is highest stay, and
 * the first and the last of all. Thinning again what was thinned by a narrower stretch leaves the same peaks, so a curve can be
 * thinned while it grows, as main/domain/thin-curve.ts thins a whole one.
 *
 * @param points in the order of their steps
 * @param stretch how many steps share their peaks; 1 leaves every point
 */
export function thinned<Point extends { step: number }>(
  points: readonly Point[],
  stretch: number,
  measures: readonly ((point: Point) => number)[],
): readonly Point[] {
  if (stretch <= 1) return points;
  const kept: Point[] = [];
  let from = 0;
  while (from < points.length) {
    const place = Math.floor(points[from]!.step / stretch);
    let to = from + 1;
    while (to < points.length && Math.floor(points[to]!.step / stretch) === place) to += 1;
    const peaks = new Set(measures.map((measure) => highest(points, from, to, measure)));
    if (from === 0) peaks.add(0);
    if (to === points.length) peaks.add(to - 1);
    for (let at = from; at < to; at += 1) if (peaks.has(at)) kept.push(points[at]!);
    from = to;
  }
  return kept;
}

function highest<Point>(points: readonly Point[], from: number, to: number, measure: (point: Point) => number): number {
  let best = from;
  for (let at = from + 1; at < to; at += 1) if (measure(points[at]!) > measure(points[best]!)) best = at;
  return best;
}
