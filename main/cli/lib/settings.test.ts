import { expect, test } from 'vitest';
import { JOBS } from '../../contracts/job-schema.ts';
import { resume } from '../commands/resume.ts';
import { train } from '../commands/train.ts';
import type { Command } from './command.ts';
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

test('a number carries what it counts', () => {
  const [tokens, rank] = settingOptions('train', ['max_seq_len', 'lora_rank']);
  expect(tokens).toMatchObject({ value: 'TOKENS' });
  expect(rank).toMatchObject({ value: undefined });
});

const flagsOf = ({ groups }: Command) =>
  groups.flatMap(({ options }) => options.map(({ flag }) => flag.replaceAll('-', '_')));
const declared = Object.entries(JOBS.train.properties).filter(([, { setting }]) => setting !== undefined);

test('forja train offers every setting of a train job that leaves a choice', () => {
  const choices = declared.filter(([, schema]) => schema.enum?.length !== 1).map(([name]) => name);
  expect(choices.filter((name) => !flagsOf(train).includes(name))).toEqual([]);
  expect(choices.length).toBeGreaterThan(25);
});

test('forja resume offers what may change when a run goes on, and nothing else', () => {
  const offered = flagsOf(resume).filter((flag) => flag !== 'model');
  const may = declared.filter(([, { setting }]) => setting!.on_resume !== 'fixed').map(([name]) => name);
  expect(offered.sort()).toEqual(may.sort());
  expect(offered).toEqual(expect.arrayContaining(['learning_rate', 'threads']));
  expect(offered).not.toContain('lora_rank');
});
