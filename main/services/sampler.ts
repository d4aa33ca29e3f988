import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { toReport, type ErrorReport } from '../contracts/errors.ts';
import type { RunSample, SamplePrompt } from '../contracts/ipc.ts';
import type { RunFile } from '../contracts/run-file.ts';
import { ChatProcess } from '../chat/index.ts';
import { openTemplate, type PromptTemplate } from '../datasets/index.ts';
import { inspectModel } from '../models/index.ts';
import { liveModel, type LiveModel, type RunFolder } from '../runs/index.ts';

/** The most tokens of an answer: enough to see how the model writes, and for the expected one to be written to its end. */
const MAX_TOKENS = 64;
const MOST_TOKENS = 256;
/** Few texts have fewer characters a token than this. */
const CHARS_PER_TOKEN = 2;
const N_CTX = 1024;

/** llama.cpp's threads wait for each other by spinning: beside a trainer that keeps every core busy, one is fastest. */
const THREADS = 1;

/** Once the training is over, answers still to be written get this long. */
const FINISH_MS = 600_000;

/** States that wait to be asked; where there are more, those between the first and the newest are passed over. */
const MOST_WAITING = 12;

/** What of main/chat is used; tests give another. */
export type SampleChat = Pick<ChatProcess, 'load' | 'generate' | 'close'>;

export interface SamplerOptions {
  run: RunFile;
  folder: RunFolder;
  prompts: readonly SamplePrompt[];
  /** What the run's rows tell the model first, for prompts that don't say; asked for once, empty where they tell it nothing. */
  systemPrompt?: () => Promise<string>;
  onSample: (sample: RunSample) => void;
  /** Told once: the run goes on without samples. */
  onTrouble: (report: ErrorReport) => void;
  openChat?: () => SampleChat;
  openPromptTemplate?: () => Promise<PromptTemplate>;
}

/** A state of the model that is to answer: its adapter's file, or null for the base. */
interface Round {
  step: number;
  adapter_path: string | null;
}

let made = 0;

/**
 * Lets the model answer a run's sample prompts, in their order, with the base and with adapters of the run, in a process of its
 * own. One state answers after another; each is kept until it has. Nothing that goes wrong here reaches the run.
 */
export class Sampler {
  private readonly options: SamplerOptions;
  /** Holds the adapters that wait: the trainer removes old checkpoints whenever it writes new ones. */
  private readonly dir: string;
  private waiting: Round[] = [];
  private lastStep = -1;
  private chat: SampleChat | null = null;
  private work: Promise<void> | null = null;
  private hasFailed = false;
  private isOver = false;

  constructor(options: SamplerOptions) {
    this.options = options;
    removeLeft(options.folder.dir);
    this.dir = join(options.folder.dir, `samples.${process.pid}-${made++}.tmp`);
  }

  /** The base is to answer, as that of step 0. */
  sampleBase(): void {
    this.add({ step: 0, adapter_path: null });
  }

  /** The adapter of a checkpoint that is whole on disk is to answer; each step is asked once. */
  sample({ step, path }: { step: number; path: string }): void {
    const source = join(path, 'adapter.gguf');
    if (this.isOver || this.hasFailed || step <= this.lastStep || !existsSync(source)) return;
    try {
      mkdirSync(this.dir, { recursive: true });
      const adapter_path = join(this.dir, `${step}.gguf`);
      linkOrCopy(source, adapter_path);
      this.add({ step, adapter_path });
    } catch (error) {
      this.fail(error);
    }
  }

  /** Ends at once. */
  close(): void {
    this.isOver = true;
    this.hasFailed = true;
    this.chat?.close();
    this.removeFiles();
  }

  /** What waits is still answered, for a while; then the chat process ends. Resolves when it has; close() may still come. */
  finish(): Promise<void> {
    this.isOver = true;
    // The last state is what a person looks at first.
    this.waiting = [...this.waiting.slice(-1), ...this.waiting.slice(0, -1)];
    const timer = setTimeout(() => this.close(), FINISH_MS);
    timer.unref();
    return (this.work ?? Promise.resolve()).finally(() => {
      clearTimeout(timer);
      this.chat?.close();
      this.removeFiles();
    });
  }

  private add(round: Round): void {
    if (this.isOver || this.hasFailed || round.step <= this.lastStep) return;
    this.lastStep = round.step;
    this.waiting.push(round);
    if (this.waiting.length > MOST_WAITING) this.drop(this.waiting.splice(1, 1)[0]!);
    this.work ??= this.rounds().finally(() => (this.work = null));
  }

  private async rounds(): Promise<void> {
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      if (this.hasFailed) return;
      await this.answer(next);
      this.drop(next);
    }
  }

  private async answer({ step, adapter_path }: Round): Promise<void> {
    const { run, prompts, onSample } = this.options;
    let live: LiveModel | null = null;
    try {
      const template = await this.template();
      const chat = (this.chat ??= (this.options.openChat ?? (() => new ChatProcess()))());
      live = adapter_path === null ? null : await liveModel(run.model.path, adapter_path, THREADS);
      const { model_path } = live ?? { model_path: run.model.path };
      await chat.load('sample', {
        model_path,
        adapter_path: live?.adapter_path ?? null,
        n_ctx: N_CTX,
        threads: THREADS,
      });
      for (const [prompt_index, one] of prompts.entries()) {
        const { prompt, expected } = one;
        const system = one.system ?? (await this.system());
        const messages = [
          ...(system === '' ? [] : [{ role: 'system' as const, content: system }]),
          { role: 'user' as const, content: prompt },
        ];
        const max_tokens = mostTokens(expected);
        const { text } = await chat.generate('sample', template.renderPrompt(messages), { max_tokens });
        onSample({ step, prompt_index, time_ms: Date.now(), prompt, text });
      }
    } catch (error) {
      this.fail(error);
    } finally {
      live?.dispose();
    }
  }

  private fail(error: unknown): void {
    this.chat?.close();
    if (!this.hasFailed) this.options.onTrouble(toReport(error));
    this.hasFailed = true;
    this.removeFiles();
  }

  private drop({ adapter_path }: Round): void {
    if (adapter_path !== null) rmSync(adapter_path, { force: true });
  }

  private removeFiles(): void {
    rmSync(this.dir, { recursive: true, force: true });
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

function mostTokens(expected: string | null): number {
  const wanted = Math.ceil((expected?.length ?? 0) / CHARS_PER_TOKEN);
  return Math.min(MOST_TOKENS, Math.max(MAX_TOKENS, wanted));
}

/** The same file under another name costs nothing; some file systems have no such thing. */
function linkOrCopy(source: string, target: string): void {
  rmSync(target, { force: true });
  try {
    linkSync(source, target);
  } catch {
    copyFileSync(source, target);
  }
}

/** Removes what a Forja that was killed left in a run's folder. */
function removeLeft(dir: string): void {
  if (!existsSync(dir)) return;
  for (const name of readdirSync(dir)) {
    const pid = /^samples\.(\d+)-\d+\.tmp$/.exec(name)?.[1];
    if (pid !== undefined && Number(pid) !== process.pid) rmSync(join(dir, name), { recursive: true, force: true });
  }
}
