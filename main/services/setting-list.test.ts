import { expect, test } from 'vitest';
import { ipc } from '../contracts/ipc.ts';
import { jobSettings } from '../contracts/protocol.ts';
import { listPresets } from './setting-list.ts';

test('every setting of a train job is listed once, but for paths and the method', () => {
  const { settings } = ipc['presets.list'].response.parse(listPresets());
  const names = settings.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  const filledIn = [
    'protocol_major',
    'type',
    'model_path',
    'train_tokens_path',
    'val_tokens_path',
    'out_dir',
    'resume_path',
    'method',
  ];
  expect([...names].sort()).toEqual(
    Object.keys(jobSettings('train'))
      .filter((name) => !filledIn.includes(name))
      .sort(),
  );
  expect(settings.find(({ name }) => name === 'lora_rank')).toMatchObject({
    kind: 'integer',
    default: 16,
    minimum: 1,
    advanced: false,
  });
  expect(settings.find(({ name }) => name === 'target_modules')).toMatchObject({ kind: 'modules' });
});
