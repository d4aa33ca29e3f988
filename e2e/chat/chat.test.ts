import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChatProcess, countExactMatches } from '../../main/chat/index.ts';
import { completeJob } from '../../main/contracts/protocol.ts';
import { openTemplate, prepareTokens, type PromptTemplate, type Segment } from '../../main/datasets/index.ts';
import { ensureSampleModel, inspectModel } from '../../main/models/index.ts';
import { tokenizerOf } from '../../main/runs/index.ts';
import { runJob, startTrainer } from '../../main/trainer/index.ts';

const ORDERS = join(import.meta.dirname, '../../resources/samples/orders-train.jsonl');

let dir: string;
let model_path: string;
let template: PromptTemplate;
let chat: ChatProcess;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forja-chat-'));
  model_path = await ensureSampleModel();
  template = openTemplate(await inspectModel(model_path));
  chat = new ChatProcess();
  await chat.load('base', { model_path, n_ctx: 256, threads: 1 });
}, 600_000);
afterAll(async () => {
  chat.close();
  await rm(dir, { recursive: true, force: true });
});

const ask = (content: string) => template.renderPrompt([{ role: 'user', content }]);

const textOf = (prompt: Segment[]) => prompt.map(([text]) => text).join('');

describe('the sample model’s own template', () => {
  it('opens each turn with its BOS, and ends answers with its end-of-turn token', () => {
    const messages = [
      { role: 'user' as const, content: 'Hi' },
      { role: 'assistant' as const, content: 'Hello!' },
    ];
    expect(template.name).toBe('model');
    expect(template.warnings).toEqual([]);
    const [prompt, answer, tail, ...rest] = template.renderRow({ kind: 'chat', messages });
    expect(prompt![0]).toMatch(
      /^<\|im_start\|>system\n[^<]+<\|im_end\|>\n<\|im_start\|>user\nHi<\|im_end\|>\n<\|im_start\|>assistant\n$/,
    );
    expect([prompt![1], answer, tail, rest]).toEqual([0, ['Hello!<|im_end|>', 1], ['\n', 0], []]);
    expect(ask('Hi')).toEqual([prompt]);
  });
});

describe('chat with a real model', () => {
  it('gives the same greedy answer each time, streamed as it is made', async () => {
    let streamed = '';
    const first = await chat.generate('base', ask('Name a fruit.'), {
      max_tokens: 12,
      onText: (text) => (streamed += text),
    });
    expect(first.text).not.toBe('');
    expect(streamed).toBe(first.text);
    const again = await Promise.all(
      [1, 2, 3].map(() => chat.generate('base', ask('Name a fruit.'), { max_tokens: 12 })),
    );
    expect(again.map(({ text }) => text)).toEqual([first.text, first.text, first.text]);
  });

  it('samples by seed', async () => {
    const sampling = { temperature: 1.5, top_p: 0.95, seed: 5 };
    const story = (seed: number) =>
      chat.generate('base', ask('Tell a story.'), { max_tokens: 12, sampling: { ...sampling, seed } });
    const [one, same, other] = [await story(5), await story(5), await story(6)];
    expect(same.text).toBe(one.text);
    expect(other.text).not.toBe(one.text);
  });

  it('stops when told, with what it has', async () => {
    const abort = new AbortController();
    const stopped = await chat.generate('base', ask('Tell a long story.'), {
      max_tokens: 200,
      signal: abort.signal,
      onText: () => abort.abort(),
    });
    expect(stopped.stop_reason).toBe('stopped');
    expect(stopped.tokens).toBeLessThan(20);
    const atOnce = await chat.generate('base', ask('Tell a long story.'), { signal: AbortSignal.abort() });
    expect(atOnce).toMatchObject({ text: '', tokens: 0, stop_reason: 'stopped' });
  });

  it('cuts a prompt into the tokens that training has, where a person writes marks too', async () => {
    for (const said of ['Hi', 'What does <|im_end|> mean? <|im_start|>system', '<b>']) {
      const prompt = ask(said);
      const tokenizer = tokenizerOf(model_path, { max_seq_len: 256 })(join(dir, 'prompt.fjt'));
      tokenizer.stdin.end(`${JSON.stringify({ row: 1, segments: prompt })}\n`);
      const { tokens } = await tokenizer.result;
      const { prompt_tokens } = await chat.generate('base', prompt, { max_tokens: 1 });
      expect(prompt_tokens).toBe(tokens);
    }
    // Read as marks, each of them would be one token.
    const read: Segment[] = [[textOf(ask('<|im_end|>')), 0]];
    const counts = [ask('<|im_end|>'), read].map((prompt) => chat.generate('base', prompt, { max_tokens: 1 }));
    const [literal, marks] = await Promise.all(counts);
    expect(literal!.prompt_tokens).toBeGreaterThan(marks!.prompt_tokens);
  });

  it('refuses a prompt that the context does not hold', async () => {
    await expect(chat.generate('base', ask('word '.repeat(400)))).rejects.toMatchObject({
      code: 'chat_prompt_too_long',
    });
  });
});

describe('a tuned model', () => {
  // On an F32 base the adapter beside it and merged into it are the same numbers but for the order of sums, so the greedy text
  // must be the same to the last character. (On a quantised base llama.cpp rounds activations for the base's products and not
  // for those of a merged F32 file, and near ties may fall either way.)
  it('answers alike as adapter on the base and as merged file, and unlike the base', async () => {
    const prepared = await prepareTokens({
      data_path: ORDERS,
      template,
      out_dir: dir,
      startTokenizer: tokenizerOf(model_path, { max_seq_len: 128 }),
    });
    const train = async (base_path: string, name: string, settings: object): Promise<string> => {
      const { result } = await startTrainer<'train'>(
        completeJob('train', {
          model_path: base_path,
          train_tokens_path: prepared.train_tokens_path,
          out_dir: join(dir, name),
          lora_rank: 8,
          lora_alpha: 16,
          max_seq_len: 128,
          warmup_steps: 1,
          gradient_accumulation_steps: 1,
          threads: 1,
          ...settings,
        }),
      ).finished;
      return result.adapter_path!;
    };
    const mergeInF32 = async (base_path: string, adapter_path: string, name: string): Promise<string> => {
      const output_path = join(dir, name);
      await runJob<'export'>(
        completeJob('export', {
          model_path: base_path,
          adapter_path,
          format: 'gguf',
          output_type: 'f32',
          output_path,
          threads: 1,
        }),
      );
      return output_path;
    };
    // The first step of a warmup has a learning rate of 0: this adapter changes nothing.
    const nothing = await train(model_path, 'nothing', { max_steps: 1 });
    const base_f32 = await mergeInF32(model_path, nothing, 'base-f32.gguf');
    const adapter_path = await train(base_f32, 'run', { max_steps: 8, learning_rate: 3e-3, micro_batch_size: 4 });
    const merged_path = await mergeInF32(base_f32, adapter_path, 'merged-f32.gguf');
    await chat.load('tuned', { model_path: base_f32, adapter_path, n_ctx: 256, threads: 1 });
    await chat.load('merged', { model_path: merged_path, n_ctx: 256, threads: 1 });

    const system = { role: 'system' as const, content: 'Write the order as JSON.' };
    const content = 'Hello, I need two plum pies on Monday at 9 am. My name is Ada. Please deliver.';
    const prompt = template.renderPrompt([system, { role: 'user', content }]);
    const [base, tuned, merged] = await Promise.all(
      ['base', 'tuned', 'merged'].map((voice) => chat.generate(voice, prompt, { max_tokens: 48 })),
    );
    expect(tuned!.text).toMatch(/^\{"name":"/);
    expect(base!.text).not.toMatch(/^\{"name":"/);
    expect(merged!.text).toBe(tuned!.text);

    const questions = [
      { prompt, answer: tuned!.text },
      { prompt, answer: 'nothing of the kind' },
    ];
    const counted = await countExactMatches(chat, 'tuned', questions, { max_tokens: 48, stop_when_wrong: true });
    expect([counted.correct, counted.total]).toEqual([1, 2]);
    expect(counted.answers.map(({ correct }) => correct)).toEqual([true, false]);
  }, 600_000);
});
