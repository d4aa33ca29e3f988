import type { Segment } from '../datasets/index.ts';
import { ChatError } from './errors.ts';
import { startNodeWorker, type StartWorker, type Worker } from './node-worker.ts';
import type {
  Adapter,
  ChatFailure,
  ChatRequest,
  ChatResponse,
  GenerateResult,
  LoadResult,
  Sampling,
} from './protocol.ts';

export interface LoadOptions {
  model_path: string;
  /** An adapter GGUF to put on the model. Default null. */
  adapter_path?: string | null;
  /** Default 1. */
  adapter_scale?: number;
  /** Several adapters, in place of `adapter_path`. */
  adapters?: Adapter[];
  /** Context length in tokens. Default 2048. */
  n_ctx?: number;
  /** Default 0: as many as llama.cpp sees fit. */
  threads?: number;
}

export interface GenerateOptions {
  /** Default 512. */
  max_tokens?: number;
  /** Default: greedy, with nothing that changes the model's own probabilities. */
  sampling?: Partial<Sampling>;
  /** Each piece of the answer as it comes; a piece is whole characters. */
  onText?: (text: string) => void;
  /** The prompt is computed anew as a whole, whatever the voice said before. Default false. */
  fresh?: boolean;
  /** Aborting ends the answer; what there is of it is the result. */
  signal?: AbortSignal;
}

/** Greedy: the likeliest token each time. */
export const GREEDY: Sampling = { temperature: 0, top_p: 1, top_k: 0, min_p: 0, repeat_penalty: 1, seed: 1 };

interface Pending {
  onText: ((text: string) => void) | undefined;
  resolve: (result: LoadResult | GenerateResult | null) => void;
  reject: (error: ChatError) => void;
}

let startByDefault: StartWorker = startNodeWorker;

/** Says how chat processes are started from now on where nothing else is asked for: the app has Electron do it. */
export function startChatsWith(startWorker: StartWorker): void {
  startByDefault = startWorker;
}

/**
 * A process of its own that holds models and generates with them. When it crashes, what was asked of it is rejected with
 * `chat_crashed` and the next request starts a new process; models must then be loaded again.
 */
export class ChatProcess {
  private child: Worker | null = null;
  private nextId = 1;
  private closed = false;
  private readonly pending = new Map<number, Pending>();
  private readonly startWorker: StartWorker;
  private readonly onDeath: (error: ChatError) => void;

  /**
   * @param startWorker how the process is started; default as startChatsWith says, at first a Node process
   * @param onDeath told when the process ended by itself
   */
  constructor(
    options: {
      startWorker?: StartWorker | undefined;
      onDeath?: ((error: ChatError) => void) | undefined;
    } = {},
  ) {
    this.startWorker = options.startWorker ?? startByDefault;
    this.onDeath = options.onDeath ?? (() => undefined);
  }

  /** The process's id, null while none runs. */
  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  /**
   * Loads a model under a name. Two voices of the same file share its memory.
   * @throws ChatError chat_model_unloadable, chat_crashed, chat_closed
   */
  async load(voice: string, options: LoadOptions): Promise<LoadResult> {
    const { model_path, adapter_path = null, adapter_scale = 1, n_ctx = 2048, threads = 0 } = options;
    const single = adapter_path === null ? [] : [{ path: adapter_path, scale: adapter_scale }];
    const adapters = options.adapters ?? single;
    const result = await this.ask((id) => ({ id, type: 'load', voice, model_path, adapters, n_ctx, threads }));
    return result as LoadResult;
  }

  /** Lets go of a voice's memory; a voice that isn't loaded is no error. */
  async unload(voice: string): Promise<void> {
    if (this.child !== null) await this.ask((id) => ({ id, type: 'unload', voice }));
  }

  /**
   * Goes on from a prompt until the model ends its turn. A voice answers one prompt after another; others answer beside it.
   * @param prompt as a PromptTemplate renders it
   * @throws ChatError chat_voice_unknown, chat_prompt_too_long, chat_failed, chat_crashed, chat_closed
   */
  async generate(voice: string, prompt: readonly Segment[], options: GenerateOptions = {}): Promise<GenerateResult> {
    const { max_tokens = 512, fresh = false, signal, onText } = options;
    // Told to stop before it began: the process need not hear of it, and could be a token ahead when it did.
    if (signal?.aborted === true)
      return { text: '', prompt_tokens: 0, tokens: 0, stop_reason: 'stopped', duration_ms: 0 };
    const sampling = { ...GREEDY, ...options.sampling };
    let stop: (() => void) | undefined;
    try {
      const result = await this.ask(
        (id) => {
          stop = () => this.child?.send({ id, type: 'stop' });
          signal?.addEventListener('abort', stop, { once: true });
          return { id, type: 'generate', voice, prompt, max_tokens, sampling, fresh };
        },
        onText,
        signal,
      );
      return result as GenerateResult;
    } finally {
      if (stop !== undefined) signal?.removeEventListener('abort', stop);
    }
  }

  /** Ends the process and rejects what is still asked of it. */
  close(): void {
    this.closed = true;
    const { child } = this;
    this.child = null;
    this.rejectAll({ code: 'chat_closed', message: 'The chat was closed.', hint: 'Open it again.', details: {} });
    child?.kill();
  }

  private ask(
    make: (id: number) => ChatRequest,
    onText?: (text: string) => void,
    signal?: AbortSignal,
  ): Promise<LoadResult | GenerateResult | null> {
    if (this.closed) {
      return Promise.reject(
        new ChatError({ code: 'chat_closed', message: 'The chat was closed.', hint: 'Open it again.', details: {} }),
      );
    }
    const child = (this.child ??= this.start());
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { onText, resolve, reject });
      child.send(make(id));
      if (signal?.aborted === true) child.send({ id, type: 'stop' });
    });
  }

  private start(): Worker {
    const child = this.startWorker({
      onMessage: (response) => this.answer(response),
      onExit: (reason, stderr) => this.crashed(child, reason, stderr),
    });
    return child;
  }

  private answer(response: ChatResponse): void {
    const pending = this.pending.get(response.id);
    if (pending === undefined) return;
    if (response.type === 'text') {
      pending.onText?.(response.text);
      return;
    }
    this.pending.delete(response.id);
    if (response.type === 'failed') pending.reject(new ChatError(response.error));
    else pending.resolve(response.result);
  }

  private crashed(child: Worker, reason: string, stderr: string): void {
    if (this.child !== child) return;
    this.child = null;
    const failure: ChatFailure = {
      code: 'chat_crashed',
      message: `The chat process ended unexpectedly (${reason}).`,
      hint: 'Load the model again; if it happens again, a smaller model or a shorter context may fit into memory.',
      details: { reason, stderr },
    };
    this.rejectAll(failure);
    this.onDeath(new ChatError(failure));
  }

  private rejectAll(failure: ChatFailure): void {
    const asked = [...this.pending.values()];
    this.pending.clear();
    for (const { reject } of asked) reject(new ChatError(failure));
  }
}
