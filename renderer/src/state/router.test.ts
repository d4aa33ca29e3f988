import { describe, expect, it } from 'vitest';
import { matchPath, pathOf, queryOf } from './router.svelte.ts';

describe('pathOf', () => {
  it('is the start screen where the hash names none', () => {
    expect(pathOf('')).toBe('/');
    expect(pathOf('#main')).toBe('/');
    expect(pathOf('#/runs/a1')).toBe('/runs/a1');
  });
});

describe('matchPath', () => {
  it('gives the parts that the pattern names', () => {
    expect(matchPath('/runs/:id', '/runs/a%20b?tab=log')).toEqual({ id: 'a b' });
    expect(matchPath('/', '/')).toEqual({});
  });

  it('refuses other paths', () => {
    expect(matchPath('/runs/:id', '/runs')).toBeNull();
    expect(matchPath('/runs', '/queue')).toBeNull();
  });
});

describe('queryOf', () => {
  it('reads what stands behind the question mark', () => {
    expect(queryOf('/new?model=%2Fa%20b.gguf').get('model')).toBe('/a b.gguf');
    expect(queryOf('/new').get('model')).toBeNull();
  });
});
