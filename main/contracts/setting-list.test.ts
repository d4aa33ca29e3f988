import { expect, test } from 'vitest';
import { ipc } from './ipc.ts';
import { JOBS } from './job-schema.ts';
import { listSettings } from './setting-list.ts';

const { settings } = ipc['presets.list'].response.parse({ presets: [], settings: listSettings() });

test('every setting of a train job is listed once', () => {
  const declared = Object.entries(JOBS.train.properties).filter(([, { setting }]) => setting !== undefined);
  expect(settings.map(({ name }) => name).sort()).toEqual(declared.map(([name]) => name).sort());
  expect(settings.length).toBeGreaterThan(25);
});

test('sections come in one piece, in the order of the schema', () => {
  const sections = settings.map(({ section }) => section);
  expect([...new Set(sections)]).toEqual(['adapter', 'learning', 'batches', 'keeping', 'machine']);
  expect(sections).toEqual([...sections].sort((a, b) => sections.indexOf(a) - sections.indexOf(b)));
});

test('what the schema says of a setting is listed', () => {
  expect(settings.find(({ name }) => name === 'lora_rank')).toMatchObject({
    kind: 'integer',
    default: 16,
    minimum: 1,
    advanced: false,
    unit: null,
    affects: ['result', 'memory', 'time'],
    on_resume: 'fixed',
    methods: ['lora', 'dora'],
    objectives: null,
  });
  expect(settings.find(({ name }) => name === 'max_seq_len')).toMatchObject({ unit: 'tokens', methods: null });
  expect(settings.find(({ name }) => name === 'target_modules')).toMatchObject({ kind: 'modules' });
});
