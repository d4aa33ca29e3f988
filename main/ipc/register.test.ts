import { beforeEach, describe, expect, test } from 'vitest';
import { CHANNELS, EVENTS, type ChannelName } from '../contracts/channels.ts';
import { ForjaError } from '../contracts/errors.ts';
import { ipc, ipcEvents, type Answer, type IpcHandlers } from '../contracts/ipc.ts';
import { EXAMPLES, EVENT_EXAMPLES } from './examples.ts';
import { registerHandlers } from './register.ts';

type Listener = (event: string, request: unknown) => Promise<unknown>;

let listeners: Map<string, Listener>;
let received: Map<ChannelName, unknown>;
let faults: [ChannelName, unknown][];

const handlers = Object.fromEntries(
  CHANNELS.map((channel) => [
    channel,
    (request: unknown) => {
      received.set(channel, request);
      return EXAMPLES[channel].response;
    },
  ]),
) as unknown as IpcHandlers;

/** A call as Electron makes it: what crosses is a structured clone, there and back. */
async function call(channel: ChannelName, request: unknown, sender = 'window'): Promise<Answer<unknown>> {
  return structuredClone(await listeners.get(channel)!(sender, structuredClone(request))) as Answer<unknown>;
}

function register(given: IpcHandlers): void {
  listeners = new Map();
  received = new Map();
  faults = [];
  registerHandlers<string>(
    { handle: (channel, listener) => void listeners.set(channel, listener) },
    given,
    (sender) => sender === 'window',
    (channel, error) => faults.push([channel, error]),
  );
}
beforeEach(() => register(handlers));

test('every channel of the contract is registered, and nothing else', () => {
  expect([...listeners.keys()].sort()).toEqual(Object.keys(ipc).sort());
  expect([...EVENTS].sort()).toEqual(Object.keys(ipcEvents).sort());
});

describe.each([...CHANNELS])('%s', (channel) => {
  test('takes its request and gives its response over a structured clone', async () => {
    const { request, response } = EXAMPLES[channel];
    expect(await call(channel, request)).toEqual({ ok: true, value: response });
    expect(received.get(channel)).toEqual(request);
  });

  test('refuses an unknown sender', async () => {
    expect(await call(channel, EXAMPLES[channel].request, 'a frame')).toMatchObject({
      ok: false,
      error: { code: 'sender_unknown', details: { channel } },
    });
    expect(received.has(channel)).toBe(false);
  });

  test('refuses what it does not take', async () => {
    for (const request of ['text', 5, [], { of: 'another channel' }]) {
      expect(await call(channel, request)).toMatchObject({ ok: false, error: { code: 'request_invalid' } });
    }
    expect(received.has(channel)).toBe(false);
  });
});

test.each([...EVENTS])('the event %s crosses as it is declared', (name) => {
  const example = EVENT_EXAMPLES[name];
  expect(ipcEvents[name].parse(structuredClone(example))).toEqual(example);
});

test('an error of ours is an answer, with its parts; a fault is noted too', async () => {
  register({
    ...handlers,
    'runs.list': () => {
      throw new ForjaError('run_in_use', 'Busy.', 'Wait.', { path: '/x', not_clonable: () => 1 });
    },
    'queue.list': () => Promise.reject(new TypeError('undefined is not a function')),
  });
  expect(await call('runs.list', undefined)).toEqual({
    ok: false,
    error: { code: 'run_in_use', message: 'Busy.', hint: 'Wait.', details: { path: '/x' } },
  });
  expect(faults).toEqual([]);
  expect(await call('queue.list', undefined)).toMatchObject({ ok: false, error: { code: 'internal' } });
  expect(faults.map(([channel]) => channel)).toEqual(['queue.list']);
});

test('a response that is not as declared does not leave', async () => {
  register({ ...handlers, 'queue.list': () => ({ active_run_id: 5, waiting_run_ids: [] }) as never });
  expect(await call('queue.list', undefined)).toMatchObject({ ok: false, error: { code: 'internal' } });
});

test('a request that is wrong in many places, or in a very long one, is refused in few words', async () => {
  const long = { ['x'.repeat(1_000_000)]: 1 };
  const many = { run_ids: Array.from({ length: 900 }, () => 1) };
  for (const [channel, request] of [
    ['settings.set', long],
    ['queue.reorder', many],
  ] as const) {
    const answer = await call(channel, request);
    expect(answer).toMatchObject({ ok: false, error: { code: 'request_invalid' } });
    expect(JSON.stringify(answer).length).toBeLessThan(5000);
  }
});
