import { expect, test } from 'vitest';
import type { AppSettings } from '../contracts/ipc.ts';
import { AppSettingsStore, defaultSettings } from './app-settings.ts';

const inMemory = (stored: unknown) => {
  const written: AppSettings[] = [];
  return { written, file: { read: () => stored, write: (settings: AppSettings) => void written.push(settings) } };
};

test('without a file all settings are the defaults', () => {
  expect(new AppSettingsStore(inMemory(undefined).file, '/data').get()).toEqual(defaultSettings('/data'));
});

test('a value that cannot be used has its default, and the others stay', () => {
  const { file } = inMemory({ language: 'es', theme: 'purple', threads: -1, of_a_newer_version: true });
  expect(new AppSettingsStore(file, '/data').get()).toEqual({ ...defaultSettings('/data'), language: 'es' });
});

test.each([
  ['nothing', null],
  ['a list', [1, 2]],
  ['a text', 'dark'],
  ['names that every object has', JSON.parse('{"constructor": 1, "__proto__": {"theme": "dark"}, "toString": "x"}')],
  ['values of other kinds', { theme: {}, threads: '4', runs_dir: null, keep_awake: 'yes' }],
])('a file that holds %s gives the defaults', (_, stored) => {
  expect(new AppSettingsStore(inMemory(stored).file, '/data').get()).toEqual(defaultSettings('/data'));
});

test('a change to nothing changes nothing', () => {
  const { file, written } = inMemory({ theme: 'dark' });
  const store = new AppSettingsStore(file, '/data');
  expect(store.set({ theme: undefined, threads: 2 })).toMatchObject({ theme: 'dark', threads: 2 });
  expect(written.at(-1)).toMatchObject({ theme: 'dark', threads: 2 });
});

test('a change that can not be kept is not made', () => {
  const file = {
    read: () => ({}),
    write: () => {
      throw new Error('The disk is full.');
    },
  };
  const store = new AppSettingsStore(file, '/data');
  expect(() => store.set({ theme: 'dark' })).toThrow('full');
  expect(store.get().theme).toBe('system');
});

test('a change is kept and told, until one unsubscribes', () => {
  const { file, written } = inMemory({});
  const store = new AppSettingsStore(file, '/data');
  const told: AppSettings[] = [];
  const stop = store.onChange((settings) => told.push(settings));
  store.set({ theme: 'dark' });
  stop();
  store.set({ theme: 'light' });
  expect(told.map(({ theme }) => theme)).toEqual(['dark']);
  expect(written.map(({ theme }) => theme)).toEqual(['dark', 'light']);
  expect(store.get().theme).toBe('light');
});
