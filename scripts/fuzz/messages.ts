/** Messages of a window that has gone wrong: no valid calls, and valid ones that name what the person never gave. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { CHANNELS, type ChannelName } from '../../main/contracts/channels.ts';
import { ipc, type Answer } from '../../main/contracts/ipc.ts';
import { openDb } from '../../main/db/index.ts';
import { AllowedPaths } from '../../main/ipc/allowed-paths.ts';
import { EXAMPLES } from '../../main/ipc/examples.ts';
import { createHandlers } from '../../main/ipc/handlers.ts';
import type { Host } from '../../main/ipc/host.ts';
import { registerHandlers } from '../../main/ipc/register.ts';
import { openCore } from '../../main/services/index.ts';
import { Playground } from '../../main/services/playground.ts';
import { AppSettingsStore } from '../../main/settings/index.ts';
import { Dice, Finding, type Campaign } from './dice.ts';
import { memoryFolder } from './memory.ts';

type Listener = (sender: string, request?: unknown) => Promise<unknown>;

/** They do what they are asked for whatever the message: nothing in it to fuzz, and each would start a program. */
const BUSY = ['app.doctor', 'models.fetchSample'] as const;

const PATHS = [
  '/etc/passwd',
  '../../../etc/shadow',
  '/dev/zero',
  '/proc/self/environ',
  'C:\\Windows\\win.ini',
  '\\\\host\\share',
  '/',
  '',
  '.',
  '/tmp/../etc/passwd',
  'a\u0000b',
  'file:///etc/passwd',
  '/dev/stdin',
];

class Place {
  readonly listeners = new Map<string, Listener>();
  readonly faults: unknown[] = [];
  readonly shown: string[] = [];
  readonly dir = mkdtempSync(join(memoryFolder(), 'forja-messages-'));
  private readonly db = openDb(':memory:');
  private readonly core;
  private readonly playground;

  constructor() {
    const { db } = this;
    const settings = new AppSettingsStore({ read: () => ({}), write: () => undefined }, this.dir);
    const context = { db, emit: () => undefined, settings: () => settings.get() };
    this.core = openCore(context);
    this.playground = new Playground(context, this.core.queue);
    const nothing = () => Promise.resolve(null);
    const host: Host = {
      info: () => EXAMPLES['app.info'].response,
      pickFile: nothing,
      pickFolder: nothing,
      pickOutput: nothing,
      confirm: () => Promise.resolve(false),
      showInFolder: (path) => void this.shown.push(path),
      openHelp: () => Promise.resolve(true),
      openFolder: () => Promise.resolve(true),
    };
    const texts = () => new Proxy({}, { get: () => () => '' }) as never;
    const handlers = createHandlers({
      ...{ db, host, settings, paths: new AllowedPaths(), core: this.core, playground: this.playground },
      ...{ emit: () => undefined, checkForUpdates: null, texts },
    });
    registerHandlers<string>(
      { handle: (channel, listener) => void this.listeners.set(channel, listener) },
      handlers,
      (sender) => sender === 'window',
      (channel, error) => this.faults.push([channel, error]),
    );
  }

  async close(): Promise<void> {
    this.playground.close();
    await this.core.close();
    this.db.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function oddValue(dice: Dice, depth = 0): unknown {
  switch (dice.below(depth > 3 ? 12 : 17)) {
    case 0:
      return undefined;
    case 1:
      return null;
    case 2:
      return dice.of([NaN, Infinity, -Infinity, -1, 0, -0, 1.5, 2 ** 53, 1e308, -(2 ** 31)]);
    case 3:
      return dice.of(PATHS);
    case 4:
      return 'x'.repeat(depth === 0 && dice.oneIn(10) ? 1_000_000 : dice.below(300));
    case 5:
      return BigInt(dice.next());
    case 6:
      return dice.oneIn(2);
    case 7:
      return new Date(NaN);
    case 8:
      return new Uint8Array(dice.below(1000));
    case 9:
      return dice.of(['__proto__', 'constructor', '\ud800', '\u0000', '<script>', '0', 'true', '[object Object]']);
    case 10:
      return new Map([['a', 1]]);
    case 11:
      return new Error('x');
    case 12: {
      const list: unknown[] = [];
      if (dice.oneIn(2)) list.push(list);
      return list;
    }
    case 13:
      return Array.from({ length: dice.below(dice.oneIn(20) ? 20_000 : 5) }, () => oddValue(dice, depth + 3));
    case 14:
      return JSON.parse(`{"__proto__":{"a":1},"constructor":${JSON.stringify(dice.of(PATHS))}}`);
    default:
      return Object.fromEntries(
        Array.from({ length: dice.below(4) }, () => [
          dice.of(['path', 'run_id', 'model_path', 'settings', 'x']),
          oddValue(dice, depth + 1),
        ]),
      );
  }
}

/** An example of the contract with one thing in it changed, or something else altogether. */
function message(seed: number, index: number): { channel: ChannelName; request: unknown } {
  const dice = new Dice(seed, index);
  const channel = dice.of(CHANNELS);
  const request = structuredClone(EXAMPLES[channel].request) as unknown;
  if (typeof request !== 'object' || request === null || dice.oneIn(5)) return { channel, request: oddValue(dice) };
  let at = request as Record<string, unknown>;
  for (;;) {
    const keys = Object.keys(at);
    if (keys.length === 0) break;
    const key = dice.of(keys);
    const inner = at[key];
    if (typeof inner === 'object' && inner !== null && !dice.oneIn(3)) {
      at = inner as Record<string, unknown>;
      continue;
    }
    const change = dice.below(6);
    if (change === 0) Reflect.deleteProperty(at, key);
    else if (change === 1) at[`${key}_`] = oddValue(dice);
    else at[key] = oddValue(dice);
    break;
  }
  return { channel, request };
}

let place: Place | null = null;

export const campaign: Campaign = {
  run: async (seed, index) => {
    place ??= new Place();
    const { channel, request } = message(seed, index);
    const isCall = ipc[channel].request.safeParse(request).success;
    if (isCall && (BUSY as readonly string[]).includes(channel)) return 'left out';
    const answer = structuredClone(
      await place.listeners.get(channel)!('window', structuredClone(request)),
    ) as Answer<unknown>;
    if (place.faults.length > 0) throw new Finding(`a fault: ${inspect(place.faults.splice(0))}`);
    if (place.shown.length > 0) throw new Finding(`shown in the file manager: ${String(place.shown.splice(0))}`);
    if (answer.ok) {
      if (!isCall) throw new Finding(`${channel} took what its contract does not allow`);
      return 'accepted';
    }
    const { code, message: text, hint } = answer.error;
    if (code === '' || code === 'internal' || text === '' || hint === '')
      throw new Finding(`${channel}: ${inspect(answer.error)}`);
    return code;
  },
  input: (seed, index) => inspect(message(seed, index), { depth: 6 }),
  close: async () => {
    await place?.close();
    place = null;
  },
};
