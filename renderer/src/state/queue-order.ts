/** The waiting runs with one of them moved up or down by one place; the same list when it can't move. */
export function moved(ids: readonly string[], id: string, direction: 'up' | 'down'): readonly string[] {
  const from = ids.indexOf(id);
  const to = from + (direction === 'up' ? -1 : 1);
  if (from < 0 || to < 0 || to >= ids.length) return ids;
  const next = [...ids];
  next.splice(from, 1);
  next.splice(to, 0, id);
  return next;
}
