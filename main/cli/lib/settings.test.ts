import { expect, test } from 'vitest';
import { jobSettings } from '../../contracts/protocol.ts';
import { train } from '../commands/train.ts';
import { givenSettings, settingOptions } from './settings.ts';

const args = (options: Record<string, string | number | boolean>) => ({ options, words: [] });

test('an option carries the words, default and choices of its setting', () => {
  expect(settingOptions('train', ['lr_scheduler'])).toEqual([
    expect.objectContaining({
      flag: 'lr-scheduler',
      kind: 'string',
      default: 'linear',
      choices: ['linear', 'cosine', 'constant'],
    }),
  ]);
  expect(settingOptions('train', ['use_rslora'])[0]).toMatchObject({ kind: 'boolean', default: undefined });
});

test('given options become settings by their own names', () => {
  const given = givenSettings('train', ['lora_rank', 'learning_rate'], args({ 'lora-rank': 8, 'max-steps': 3 }));
  expect(given).toEqual({ lora_rank: 8 });
});

test.each([
  ['all-linear', ['q', 'k', 'v', 'o', 'gate', 'up', 'down']],
  ['q,v', ['q', 'v']],
  ['q_proj, v_proj,q', ['q', 'v']],
])('--target-modules %s', (text, expected) => {
  expect(givenSettings('train', ['target_modules'], args({ 'target-modules': text }))).toEqual({
    target_modules: expected,
  });
});

test.each(['q,w', '', ','])('--target-modules "%s" is refused', (text) => {
  expect(() => givenSettings('train', ['target_modules'], args({ 'target-modules': text }))).toThrow(
    expect.objectContaining({ code: 'usage', exitCode: 2 }),
  );
});

test('forja train offers every setting of a train job', () => {
  const flags = new Set(train.groups.flatMap(({ options }) => options.map(({ flag }) => flag.replaceAll('-', '_'))));
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
  const missing = Object.keys(jobSettings('train')).filter((name) => !flags.has(name) && !filledIn.includes(name));
  expect(missing).toEqual([]);
});
