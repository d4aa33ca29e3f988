import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RunSample } from '../contracts/ipc.ts';
import type { RunFile } from '../contracts/run-file.ts';
import { openTemplate } from '../datasets/index.ts';
import { RunFolder } from '../runs/index.ts';
import { Sampler, type SampleChat } from './sampler.ts';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'forja-sampler-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const template = openTemplate({ chat_template: null, bos_token: null, eos_token: '</s>' });

/** The chat process is tested in main/chat; here it is one that answers at once, or not at all. */
function make(answer: (prompt: string) => Promise<string>, systemPrompt?: () => Promise<string>) {
  const samples: RunSample[] = [];
  const troubles: string[] = [];
  let closed = 0;
  const chat: SampleChat = {
    load: () => Promise.resolve({ context_tokens: 1, load_ms: 1 }),
    generate: async (_, prompt) => ({
      text: await answer(prompt.map(([text]) => text).join('')),
      prompt_tokens: 1,
      tokens: 1,
      stop_reason: 'end',
      duration_ms: 1,
    }),
    close: () => {
      closed += 1;
    },
  };
  const sampler = new Sampler({
    run: { model: { path: '/m.gguf' }, template: 'alpaca' } as RunFile,
    folder: new RunFolder(dir),
    prompts: ['one', 'two'],
    systemPrompt,
    onSample: (_, sample) => samples.push(sample),
    onTrouble: ({ message }) => troubles.push(message),
    openChat: () => chat,
    openPromptTemplate: () => Promise.resolve(template),
  });
  const checkpoint = (step: number) => {
    const path = join(dir, `step-${step}`);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'adapter.gguf'), 'x');
    sampler.noteCheckpoint({ step, path, reason: 'best' });
  };
  return { sampler, samples, troubles, checkpoint, closed: () => closed };
}

test('the newest adapter answers every prompt, once', async () => {
  const { sampler, samples, checkpoint } = make((prompt) => Promise.resolve(prompt.includes('one') ? 'A' : 'B'));
  await sampler.sample();
  expect(samples).toEqual([]);
  checkpoint(5);
  await sampler.sample();
  await sampler.sample();
  expect(samples.map(({ step, prompt, text }) => [step, prompt, text])).toEqual([
    [5, 'one', 'A'],
    [5, 'two', 'B'],
  ]);
  checkpoint(9);
  await sampler.sample();
  expect(samples).toHaveLength(4);
});

test('prompts are asked under the system prompt of the rows; without one where the rows can no longer be read', async () => {
  const asked: string[] = [];
  const note = (prompt: string) => {
    asked.push(prompt);
    return Promise.resolve('');
  };
  const under = make(note, () => Promise.resolve('Answer in rhymes.'));
  under.checkpoint(1);
  await under.sampler.sample();
  const without = make(note, () => Promise.reject(new Error('gone')));
  without.checkpoint(1);
  await without.sampler.sample();
  expect(asked.map((prompt) => prompt.includes('Answer in rhymes.'))).toEqual([true, true, false, false]);
  expect(without.troubles).toEqual([]);
});

test('a failure is told once, and no more is asked', async () => {
  const { sampler, samples, troubles, checkpoint, closed } = make(() => Promise.reject(new Error('out of memory')));
  checkpoint(1);
  await sampler.sample();
  checkpoint(2);
  await sampler.sample();
  expect(troubles).toEqual(['out of memory']);
  expect(samples).toEqual([]);
  expect(closed()).toBe(1);
});

test('when the run is over no round begins, and the process ends', async () => {
  const { sampler, samples, checkpoint, closed } = make(() => Promise.resolve('A'));
  checkpoint(1);
  await sampler.sample();
  const finished = sampler.finish();
  checkpoint(2);
  await sampler.sample();
  await finished;
  expect(samples).toHaveLength(2);
  expect(closed()).toBe(1);
});
