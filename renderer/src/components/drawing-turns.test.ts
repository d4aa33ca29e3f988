import { beforeEach, expect, it, vi } from 'vitest';
import { askTurn, giveUpTurn } from './drawing-turns.ts';

let frames: (() => void)[] = [];
const passFrame = () => frames.splice(0).forEach((callback) => callback());

beforeEach(() => {
  frames = [];
  vi.stubGlobal('requestAnimationFrame', (callback: () => void) => frames.push(callback));
});

it('draws one a frame, in the order in which they asked', () => {
  const drawn: string[] = [];
  const [a, b] = [() => void drawn.push('a'), () => void drawn.push('b')];
  askTurn(a);
  askTurn(b);
  askTurn(a);
  expect(drawn).toEqual([]);
  passFrame();
  expect(drawn).toEqual(['a']);
  // Asking again and again does not pass over who waits.
  askTurn(a);
  passFrame();
  passFrame();
  expect(drawn).toEqual(['a', 'b', 'a']);
  expect(frames).toEqual([]);
});

it('leaves out what was given up, and draws what comes later', () => {
  const drawn: string[] = [];
  const [a, b] = [() => void drawn.push('a'), () => void drawn.push('b')];
  askTurn(a);
  giveUpTurn(a);
  passFrame();
  askTurn(b);
  passFrame();
  expect(drawn).toEqual(['b']);
});

it('goes on after a drawing that fails', () => {
  const drawn: string[] = [];
  askTurn(() => {
    throw new Error('no canvas');
  });
  askTurn(() => void drawn.push('b'));
  expect(passFrame).toThrow('no canvas');
  passFrame();
  expect(drawn).toEqual(['b']);
});
