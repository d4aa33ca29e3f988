import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { IpcHandlers } from '../contracts/ipc.ts';
import { openDb, type ForjaDb } from '../db/index.ts';
import { openCore, type Core } from '../services/index.ts';
import { Playground } from '../services/playground.ts';
import { AppSettingsStore } from '../settings/index.ts';
import { AllowedPaths } from './allowed-paths.ts';
import { EXAMPLES } from './examples.ts';
import { createHandlers } from './handlers.ts';
import type { Host } from './host.ts';

let dir: string;
let db: ForjaDb;
let core: Core;
let playground: Playground;
let handlers: IpcHandlers;
let picked: string | null;
const opened: string[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'forja-ipc-'));
  db = openDb(':memory:');
  picked = null;
  const settings = new AppSettingsStore({ read: () => ({}), write: () => undefined }, dir);
  const context = { db, emit: () => undefined, settings: () => settings.get() };
  core = openCore(context);
  playground = new Playground(context, core.queue);
  const pick = () => Promise.resolve(picked);
  const host: Host = {
    info: () => EXAMPLES['app.info'].response,
    pickFile: pick,
    pickFolder: pick,
    pickOutput: pick,
    confirm: () => Promise.resolve(false),
    showInFolder: (path) => void opened.push(path),
    openHelp: () => Promise.resolve(true),
    openFolder: () => Promise.resolve(true),
  };
  const texts = () => new Proxy({}, { get: () => () => '' }) as never;
  const paths = new AllowedPaths();
  handlers = createHandlers({
    db,
    host,
    settings,
    paths,
    core,
    playground,
    emit: () => undefined,
    checkForUpdates: null,
    texts,
  });
});
afterEach(async () => {
  playground.close();
  await core.close();
  db.close();
  rmSync(dir, { recursive: true, force: true });
});

const refused = expect.objectContaining({ code: 'path_not_allowed' }) as Error;
/** What a handler throws, whether at once or later. */
const attempt = async (work: () => unknown): Promise<unknown> => await work();

test('no channel reads or writes a path that the person did not give', async () => {
  const { 'runs.create': create, 'datasets.inspect': inspect, 'datasets.preview': preview } = EXAMPLES;
  const chat = { ...EXAMPLES['chat.load'].request, model_path: '/etc/passwd', adapters: [] };
  const calls = [
    () => handlers['models.inspect']({ path: '/etc/passwd' }),
    () => handlers['datasets.inspect'](inspect.request),
    () => handlers['datasets.preview'](preview.request),
    () => handlers['estimates.plan'](EXAMPLES['estimates.plan'].request),
    () => handlers['runs.create'](create.request),
    () => handlers['exports.start'](EXAMPLES['exports.start'].request),
    () => handlers['chat.load'](chat),
    () => handlers['chat.load']({ ...chat, model_path: null, adapters: [{ kind: 'file', path: '/a.gguf', scale: 1 }] }),
    () => handlers['dialogs.showInFolder']({ path: '/etc/passwd' }),
    () => handlers['settings.set']({ runs_dir: '/etc' }),
  ];
  for (const call of calls) await expect(attempt(call)).rejects.toThrow(refused);
  expect(opened).toEqual([]);
  expect(db.runs.list()).toEqual([]);
});

test('an adapter to start from is a path too', async () => {
  picked = join(dir, 'a.gguf');
  writeFileSync(picked, '');
  await handlers['dialogs.openModel']({ purpose: 'base' });
  const request = { ...EXAMPLES['estimates.plan'].request, model_path: picked };
  const call = () => handlers['estimates.plan']({ ...request, settings: { init_adapter_path: '/etc/passwd' } });
  await expect(attempt(call)).rejects.toThrow(refused);
});

test('what was picked may be used from then on; a dropped file too, if it is there', async () => {
  picked = join(dir, 'rows.jsonl');
  writeFileSync(picked, '');
  expect(await handlers['dialogs.openDataset']({ purpose: 'train' })).toEqual({ path: picked });
  await handlers['dialogs.showInFolder']({ path: picked });
  expect(opened).toEqual([picked]);
  expect(await handlers['files.dropped']({ path: picked })).toEqual({ path: picked, kind: 'dataset' });
  await expect(attempt(() => handlers['files.dropped']({ path: join(dir, 'nothing') }))).rejects.toMatchObject({
    code: 'file_not_found',
  });
});

test('a folder that was chosen becomes the setting; cancelling changes nothing', async () => {
  expect(await handlers['dialogs.chooseFolder']({ purpose: 'runs' })).toEqual({ path: null });
  picked = join(dir, 'elsewhere');
  await handlers['dialogs.chooseFolder']({ purpose: 'runs' });
  expect(await handlers['settings.set']({ runs_dir: picked, theme: 'dark' })).toMatchObject({
    runs_dir: picked,
    theme: 'dark',
  });
  expect(await handlers['settings.get'](undefined)).toMatchObject({ runs_dir: picked });
});

test('unknown runs, voices and answers are errors or nothing, never faults', async () => {
  for (const channel of ['runs.get', 'runs.pause', 'runs.continue', 'queue.remove', 'exports.types'] as const) {
    const call = () => handlers[channel]({ run_id: 'ffffffff' });
    await expect(attempt(call)).rejects.toMatchObject({ code: 'run_not_found' });
  }
  await expect(attempt(() => handlers['chat.ask'](EXAMPLES['chat.ask'].request))).rejects.toMatchObject({
    code: 'chat_voice_unknown',
  });
  await handlers['chat.stop']({ ask_id: 'nobody' });
  await handlers['chat.unload']({ voice: 'nobody' });
  expect(await handlers['runs.list'](undefined)).toEqual([]);
  expect(await handlers['queue.list'](undefined)).toEqual({ active_run_id: null, waiting_run_ids: [] });
  expect(await handlers['exports.list']({ run_id: null })).toEqual([]);
});
