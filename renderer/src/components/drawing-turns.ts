/** Drawings that wait for their frame, the longest waiting first. */
const waiting = new Set<() => void>();
let frame = 0;

/**
 * Lets one drawing have each frame: several charts that change at once would otherwise block the window together. A drawing that
 * waits already keeps its place, so that none is passed over however often the others ask.
 */
export function askTurn(draw: () => void): void {
  waiting.add(draw);
  if (frame === 0) frame = requestAnimationFrame(next);
}

/** Takes back what `askTurn` asked for, as for a chart that goes. */
export function giveUpTurn(draw: () => void): void {
  waiting.delete(draw);
}

function next(): void {
  const [draw] = waiting;
  if (draw !== undefined) waiting.delete(draw);
  frame = waiting.size > 0 ? requestAnimationFrame(next) : 0;
  draw?.();
}
