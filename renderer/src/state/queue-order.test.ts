import { describe, expect, it } from 'vitest';
import { moved } from './queue-order.ts';

describe('moved', () => {
  it('moves a run by one place', () => {
    expect(moved(['a', 'b', 'c'], 'b', 'up')).toEqual(['b', 'a', 'c']);
    expect(moved(['a', 'b', 'c'], 'b', 'down')).toEqual(['a', 'c', 'b']);
  });

  it('leaves the list as it is at its ends, and for a run that no longer waits', () => {
    const ids = ['a', 'b'];
    expect(moved(ids, 'a', 'up')).toBe(ids);
    expect(moved(ids, 'b', 'down')).toBe(ids);
    expect(moved(ids, 'gone', 'up')).toBe(ids);
  });
});
