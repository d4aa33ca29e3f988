import { describe, expect, it } from 'vitest';
import type { LoadedWeights } from '../../../main/contracts/ipc.ts';
import {
  checkpointOf,
  isWaiting,
  newTurn,
  onBegun,
  onDied,
  onDone,
  onGivenUp,
  onRefused,
  onToken,
  openAsks,
} from './playground.ts';

const base: LoadedWeights = { model_path: '/m.gguf', model_name: 'm', adapters: [] };
const tuned: LoadedWeights = {
  ...base,
  adapters: [{ path: '/a.gguf', name: 'orders', checkpoint: 30, scale: 0.5 }],
};
const start = () => [newTurn('t1', 'Hi', { base, tuned })];
const error = { code: 'chat_died', message: 'It ended.', hint: 'Load it again.', details: {} };
const result = { text: 'Hello!', prompt_tokens: 3, tokens: 2, stop_reason: 'end', duration_ms: 40 } as const;

describe('the playground', () => {
  it('asks only voices that have weights, and both wait at first', () => {
    expect(Object.keys(newTurn('t1', 'Hi', { base }).answers)).toEqual(['base']);
    const turns = start();
    expect(turns[0]!.answers.tuned).toMatchObject({ state: 'waiting', weights: tuned });
    const begun = onBegun(turns, 't1-base');
    expect(begun[0]!.answers.base!.state).toBe('writing');
    expect([isWaiting(begun, 't1-base'), isWaiting(begun, 't1-tuned')]).toEqual([false, true]);
  });

  it('keeps the two answers apart', () => {
    let turns = onToken(onBegun(start(), 't1-base'), { ask_id: 't1-base', voice: 'base', text: 'He' });
    turns = onToken(turns, { ask_id: 't1-tuned', voice: 'tuned', text: '{' });
    turns = onToken(turns, { ask_id: 't1-base', voice: 'base', text: 'y' });
    expect([turns[0]!.answers.base!.text, turns[0]!.answers.tuned!.text]).toEqual(['Hey', '{']);
    expect(openAsks(turns)).toEqual(['t1-base', 't1-tuned']);
  });

  it('ends an answer with its whole text and the weights that gave it; later pieces are dropped', () => {
    const turns = onDone(start(), { ask_id: 't1-tuned', voice: 'tuned', weights: tuned, result, error: null });
    expect(turns[0]!.answers.tuned).toMatchObject({ text: 'Hello!', state: 'done', weights: tuned, tokens: 2 });
    expect(onToken(turns, { ask_id: 't1-tuned', voice: 'tuned', text: '?' })).toBe(turns);
    expect(openAsks(turns)).toEqual(['t1-base']);
  });

  it('tells a stopped answer and a cut one from a finished one', () => {
    const end = (stop_reason: 'stopped' | 'max_tokens') =>
      onDone(start(), {
        ask_id: 't1-base',
        voice: 'base',
        weights: base,
        result: { ...result, stop_reason },
        error: null,
      })[0]!.answers.base;
    expect(end('stopped')).toMatchObject({ state: 'stopped', is_cut: false });
    expect(end('max_tokens')).toMatchObject({ state: 'done', is_cut: true });
  });

  it('gives up answers, also those that wait', () => {
    const turns = onGivenUp(onBegun(start(), 't1-base'), ['t1-base', 't1-tuned']);
    expect(openAsks(turns)).toEqual([]);
    expect(turns[0]!.answers.tuned!.state).toBe('stopped');
  });

  it('keeps what was written when the process dies, and touches no finished answer', () => {
    let turns = onDone(start(), { ask_id: 't1-base', voice: 'base', weights: base, result, error: null });
    turns = onToken(turns, { ask_id: 't1-tuned', voice: 'tuned', text: 'He' });
    turns = onDied(turns, error);
    expect(turns[0]!.answers.tuned).toMatchObject({ text: 'He', state: 'failed', error });
    expect(turns[0]!.answers.base!.state).toBe('done');
  });

  it('fails what was refused, and ignores answers that are not here', () => {
    const turns = start();
    expect(onRefused(turns, 't1-base', error)[0]!.answers.base).toMatchObject({ state: 'failed', error });
    expect(onToken(turns, { ask_id: 'other', voice: 'base', text: 'x' })).toBe(turns);
  });

  it('reads a checkpoint', () => {
    expect([checkpointOf('best'), checkpointOf('30')]).toEqual(['best', 30]);
  });
});
