import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
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
const PROMPTS = [
  { system: null, prompt: 'one', expected: 'A' },
  { system: 'Be brief.', prompt: 'two', expected: 'x'.repeat(300) },
];

/** The chat process is tested in main/chat; here it is one that answers at once, or not at all. */
function make(answer: (prompt: string) => Promise<string>, systemPrompt?: () => Promise<string>) {
  const samples: RunSample[] = [];
  const troubles: string[] = [];
  const asked: { adapter: boolean; max_tokens: number | undefined }[] = [];
  let adapter = false;
  let closed = 0;
  const chat: SampleChat = {
    load: (_, { adapter_path = null }) => {
      // What is to answer is there until it has.
      adapter = adapter_path !== null && existsSync(adapter_path);
      return Promise.resolve({ context_tokens: 1, load_ms: 1 });
    },
    generate: async (_, prompt, options) => {
      asked.push({ adapter, max_tokens: options?.max_tokens });
      const text = await answer(prompt.map(([piece]) => piece).join(''));
      return { text, prompt_tokens: 1, tokens: 1, stop_reason: 'end', duration_ms: 1 };
    },
    close: () => {
      closed += 1;
    },
  };
  const sampler = new Sampler({
    run: { model: { path: '/m.gguf' }, template: 'alpaca' } as RunFile,
    folder: new RunFolder(dir),
    prompts: PROMPTS,
    systemPrompt,
    onSample: (sample) => samples.push(sample),
    onTrouble: ({ message }) => troubles.push(message),
    openChat: () => chat,
    openPromptTemplate: () => Promise.resolve(template),
  });
  /** A checkpoint that the trainer removes at once. */
  const checkpoint = (step: number) => {
    const path = join(dir, `step-${step}`);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'adapter.gguf'), 'x');
    sampler.sample({ step, path });
    rmSync(path, { recursive: true });
  };
  return { sampler, samples, troubles, asked, checkpoint, closed: () => closed };
}

test('base and every state answer each prompt once, in their order, also when the checkpoint is gone by then', async () => {
  const { sampler, samples, asked, checkpoint } = make((prompt) => Promise.resolve(prompt.includes('one') ? 'A' : 'B'));
  sampler.sampleBase();
  checkpoint(5);
  checkpoint(5);
  checkpoint(9);
  await sampler.finish();
  expect(samples.map(({ step, prompt_index, text }) => `${step} ${prompt_index} ${text}`).sort()).toEqual(
    ['0 0 A', '0 1 B', '5 0 A', '5 1 B', '9 0 A', '9 1 B'].sort(),
  );
  expect(asked.filter(({ adapter }) => adapter)).toHaveLength(4);
  // A long expected answer can be written to its end.
  expect(asked.map(({ max_tokens }) => max_tokens).slice(0, 2)).toEqual([64, 150]);
  expect(readdirSync(dir)).toEqual([]);
});

test('prompts are asked under their own system prompt, or that of the rows, or none', async () => {
  const asked: string[] = [];
  const note = (prompt: string) => {
    asked.push(prompt);
    return Promise.resolve('');
  };
  const under = make(note, () => Promise.resolve('Answer in rhymes.'));
  under.sampler.sampleBase();
  await under.sampler.finish();
  const without = make(note, () => Promise.reject(new Error('gone')));
  without.sampler.sampleBase();
  await without.sampler.finish();
  expect(asked.map((prompt) => ['rhymes', 'brief'].filter((word) => prompt.includes(word)))).toEqual([
    ['rhymes'],
    ['brief'],
    [],
    ['brief'],
  ]);
  expect(without.troubles).toEqual([]);
});

test('of many states that wait, those in between are passed over, and the last one answers', async () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const { sampler, samples, checkpoint } = make(() => held.then(() => 'A'));
  sampler.sampleBase();
  for (let step = 1; step <= 40; step++) checkpoint(step);
  const finished = sampler.finish();
  release();
  await finished;
  const steps = [...new Set(samples.map(({ step }) => step))];
  expect(steps[0]).toBe(0);
  expect(steps[1]).toBe(40);
  expect(steps.length).toBeLessThan(15);
});

test('a failure is told once, and no more is asked', async () => {
  const { sampler, samples, troubles, checkpoint, closed } = make(() => Promise.reject(new Error('out of memory')));
  checkpoint(1);
  checkpoint(2);
  await sampler.finish();
  checkpoint(3);
  expect(troubles).toEqual(['out of memory']);
  expect(samples).toEqual([]);
  expect(closed()).toBeGreaterThan(0);
  expect(readdirSync(dir)).toEqual([]);
});

test('when the run is over nothing more is taken, and the process ends', async () => {
  const { sampler, samples, checkpoint, closed } = make(() => Promise.resolve('A'));
  checkpoint(1);
  const finished = sampler.finish();
  checkpoint(2);
  await finished;
  expect(samples).toHaveLength(2);
  expect(closed()).toBe(1);
});

test('what a Forja that was killed left is removed', () => {
  mkdirSync(join(dir, 'samples.1-0.tmp'));
  make(() => Promise.resolve('A'));
  expect(readdirSync(dir)).toEqual([]);
});
