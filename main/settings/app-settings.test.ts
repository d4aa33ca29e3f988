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
