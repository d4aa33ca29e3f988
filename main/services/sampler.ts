import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toReport, type ErrorReport } from '../contracts/errors.ts';
import type { RunSample } from '../contracts/ipc.ts';
import type { CheckpointData } from '../contracts/protocol-types.ts';
import type { RunFile } from '../contracts/run-file.ts';
import { ChatProcess } from '../chat/index.ts';
import { openTemplate, type PromptTemplate } from '../datasets/index.ts';
import { inspectModel } from '../models/index.ts';
import type { RunFolder } from '../runs/index.ts';

/** The most tokens of an answer: enough to see how the model writes. */
const MAX_TOKENS = 64;
const N_CTX = 1024;

/** llama.cpp's threads wait for each other by spinning: beside a trainer that keeps every core busy, one is fastest. */
const THREADS = 1;

/** Once the training is over, answers still being written get this long. */
const FINISH_MS = 120_000;

/** What of main/chat is used; tests give another. */
export type SampleChat = Pick<ChatProcess, 'load' | 'generate' | 'close'>;

export interface SamplerOptions {
  run: RunFile;
  folder: RunFolder;
  prompts: readonly string[];
  /** What the run's rows tell the model first, asked for once; empty where they tell it nothing. */
  systemPrompt?: () => Promise<string>;
  onSample: (prompt_index: number, sample: RunSample) => void;
  /** Told once: the run goes on without samples. */
  onTrouble: (report: ErrorReport) => void;
  openChat?: () => SampleChat;
  openPromptTemplate?: () => Promise<PromptTemplate>;
}

/**
 * Lets the model answer a run's sample prompts with its newest adapter, in a process of its own. Only one round runs at a time;
 * adapters that come in the meantime are passed over but for the last. Nothing that goes wrong here reaches the run.
 */
export class Sampler {
  private readonly options: SamplerOptions;
  private newest: CheckpointData | null = null;
  private sampledStep = -1;
  private chat: SampleChat | null = null;
  private round: Promise<void> | null = null;
  private hasFailed = false;
  private isOver = false;

  constructor(options: SamplerOptions) {
    this.options = options;
  }

  /** Notes an adapter that is whole on disk. */
  noteCheckpoint(checkpoint: CheckpointData): void {
    if (this.newest === null || checkpoint.step >= this.newest.step) this.newest = checkpoint;
  }

  /** Answers the prompts with the newest adapter, unless that was done or is being done. Never rejects. */
  sample(): Promise<void> {
    if (this.isOver) return Promise.resolve();
    this.round ??= this.rounds().finally(() => (this.round = null));
    return this.round;
  }

  /** Ends at once. */
  close(): void {
    this.isOver = true;
    this.hasFailed = true;
    this.chat?.close();
  }

  /** What is asked is still answered, for a while; then the chat process ends. Resolves when it has; close() may still come. */
  finish(): Promise<void> {
    this.isOver = true;
    const timer = setTimeout(() => this.chat?.close(), FINISH_MS);
    timer.unref();
    return (this.round ?? Promise.resolve()).finally(() => {
      clearTimeout(timer);
      this.chat?.close();
    });
  }

  private async rounds(): Promise<void> {
    for (let next = this.newest; next !== null && next.step > this.sampledStep; next = this.newest) {
      if (this.hasFailed) return;
      // Its own files may be gone by now: then there is nothing to answer with.
      this.sampledStep = next.step;
      await this.answer(next);
    }
  }

  private async answer({ step, path }: CheckpointData): Promise<void> {
    const { run, prompts, onSample, onTrouble } = this.options;
    const dir = mkdtempSync(join(tmpdir(), 'forja-sample-'));
    try {
      // A copy: the trainer removes old checkpoints whenever it writes new ones.
      const adapter_path = join(dir, 'adapter.gguf');
      const source = join(path, 'adapter.gguf');
      if (!existsSync(source)) return;
      copyFileSync(source, adapter_path);
      const template = await this.template();
      const chat = (this.chat ??= (this.options.openChat ?? (() => new ChatProcess()))());
      await chat.load('sample', { model_path: run.model.path, adapter_path, n_ctx: N_CTX, threads: THREADS });
      for (const [index, prompt] of prompts.entries()) {
        const system = await this.system();
        const messages = [
          ...(system === '' ? [] : [{ role: 'system' as const, content: system }]),
          { role: 'user' as const, content: prompt },
        ];
        const { text } = await chat.generate('sample', template.renderPrompt(messages), { max_tokens: MAX_TOKENS });
        onSample(index, { step, time_ms: Date.now(), prompt, text });
      }
    } catch (error) {
      this.chat?.close();
      if (!this.hasFailed) onTrouble(toReport(error));
      this.hasFailed = true;
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }

  private known: Promise<PromptTemplate> | null = null;
  private knownSystem: Promise<string> | null = null;

  /** A model tuned under a system prompt answers as it learned only under it. A dataset that has gone has none. */
  private system(): Promise<string> {
    this.knownSystem ??= (this.options.systemPrompt?.() ?? Promise.resolve('')).catch(() => '');
    return this.knownSystem;
  }

  private template(): Promise<PromptTemplate> {
    const { run, openPromptTemplate } = this.options;
    this.known ??=
      openPromptTemplate?.() ?? inspectModel(run.model.path).then((model) => openTemplate(model, run.template));
    return this.known;
  }
}
