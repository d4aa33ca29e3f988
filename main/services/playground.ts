import { basename } from 'node:path';
import { ForjaError, toReport } from '../contracts/errors.ts';
import type {
  AdapterSource,
  CheckpointChoice,
  IpcParsedRequest,
  IpcResponse,
  LoadedWeights,
} from '../contracts/ipc.ts';
import { ChatError, ChatProcess, type LoadOptions } from '../chat/index.ts';
import { openTemplate, type PromptTemplate, type TemplateChoice } from '../datasets/index.ts';
import { inspectModel } from '../models/index.ts';
import { isLoadable, liveModel, RunFolder } from '../runs/index.ts';
import { chosenAdapter } from './adapter-choice.ts';
import type { ServiceContext } from './context.ts';
import type { RunQueue } from './run-queue.ts';
import { readOwnFile } from './run-summary.ts';
import { throttle } from './throttle.ts';

interface LoadedVoice {
  weights: LoadedWeights;
  template: PromptTemplate;
}

/** Models that answer, in a process of their own: any base, run, checkpoint or GGUF, each under a voice's name. */
export class Playground {
  private readonly context: ServiceContext;
  private readonly queue: RunQueue;
  private readonly chat: ChatProcess;
  private readonly voices = new Map<string, LoadedVoice>();
  private readonly asks = new Map<string, { voice: string; abort: AbortController }>();

  constructor(context: ServiceContext, queue: RunQueue) {
    this.context = context;
    this.queue = queue;
    this.chat = new ChatProcess({
      onDeath: (error) => {
        this.voices.clear();
        const { code, message, hint, details } = toReport(error);
        context.emit('chat.died', { error: { code, message, hint, details } });
      },
    });
  }

  /** The chat's process, null while none runs. */
  get pid(): number | null {
    return this.chat.pid;
  }

  /** @throws ChatError chat_model_unloadable; ForjaError run_not_found, run_has_no_adapter; TrainerError for no whole GGUF */
  async load({ voice, model_path, adapters, n_ctx }: IpcParsedRequest<'chat.load'>): Promise<IpcResponse<'chat.load'>> {
    const found = adapters.map((source) => this.adapter(source));
    const base = model_path ?? found.find(({ model_path: own }) => own !== null)?.model_path;
    if (base === undefined || base === null)
      throw new ForjaError('request_invalid', 'chat.load names neither a model nor a run.', 'Choose a model.', {
        channel: 'chat.load',
      });
    const model = await inspectModel(base);
    const template = openTemplate(model, found.find(({ template: own }) => own !== null)?.template ?? 'auto');
    // An answer that is being written would be in the way.
    this.stopVoice(voice);
    const { threads } = this.context.settings();
    const { context_tokens, load_ms } = await this.chat.load(voice, {
      ...(await loadableWith(base, found, threads)),
      n_ctx,
      threads,
    });
    const model_name = model.name ?? basename(base);
    const weights = {
      model_path: base,
      model_name,
      adapters: found.map(({ path, name, checkpoint, scale }) => ({ path, name, checkpoint, scale })),
    };
    this.voices.set(voice, { weights, template });
    return { voice, weights, context_tokens, load_ms };
  }

  /** Begins an answer; it comes as chat.token and ends with chat.done. @throws ChatError chat_voice_unknown */
  ask({ ask_id, voice, messages, sampling, max_tokens }: IpcParsedRequest<'chat.ask'>): void {
    const loaded = this.voices.get(voice);
    if (loaded === undefined) throw voiceUnknown(voice);
    const { weights, template } = loaded;
    const prompt = template.renderPrompt(messages);
    const abort = new AbortController();
    this.asks.set(ask_id, { voice, abort });
    const { emit } = this.context;
    let waiting = '';
    const tell = throttle(() => {
      if (waiting !== '') emit('chat.token', { ask_id, voice, text: waiting });
      waiting = '';
    });
    const onText = (text: string) => {
      waiting += text;
      tell();
    };
    void this.chat
      .generate(voice, prompt, { max_tokens, sampling, onText, signal: abort.signal })
      .then(
        (result) => {
          tell.now();
          emit('chat.done', { ask_id, voice, weights, result, error: null });
        },
        (error: unknown) => {
          tell.now();
          const { code, message, hint, details } = toReport(error);
          emit('chat.done', { ask_id, voice, weights, result: null, error: { code, message, hint, details } });
        },
      )
      .finally(() => this.asks.delete(ask_id));
  }

  stop(ask_id: string): void {
    this.asks.get(ask_id)?.abort.abort();
  }

  async unload(voice: string): Promise<void> {
    this.stopVoice(voice);
    this.voices.delete(voice);
    await this.chat.unload(voice);
  }

  close(): void {
    this.chat.close();
  }

  private stopVoice(voice: string): void {
    for (const ask of this.asks.values()) if (ask.voice === voice) ask.abort.abort();
  }

  private adapter(source: AdapterSource): {
    path: string;
    scale: number;
    name: string;
    checkpoint: CheckpointChoice | null;
    model_path: string | null;
    template: TemplateChoice | null;
  } {
    const { scale } = source;
    if (source.kind === 'file') {
      const { path } = source;
      return { path, scale, name: basename(path), checkpoint: null, model_path: null, template: null };
    }
    const row = this.queue.row(source.run_id);
    const folder = new RunFolder(row.out_dir);
    const { path, step } = chosenAdapter(folder, source.checkpoint);
    return {
      path,
      scale,
      name: row.name,
      checkpoint: step ?? source.checkpoint,
      model_path: row.model_path,
      template: readOwnFile(folder, row.id)?.template ?? null,
    };
  }
}

function voiceUnknown(voice: string): ChatError {
  return new ChatError({
    code: 'chat_voice_unknown',
    message: `No model is loaded as "${voice}".`,
    hint: 'Load it first.',
    details: { voice },
  });
}

/** Base and adapters as llama.cpp loads them. @throws ChatError chat_model_unloadable for a mix with an adapter that it has no kind for */
async function loadableWith(
  model_path: string,
  adapters: readonly { path: string; scale: number }[],
  threads: number,
): Promise<Pick<LoadOptions, 'model_path' | 'adapters'>> {
  const merged = adapters.find(({ path }) => !isLoadable(path));
  if (merged === undefined) return { model_path, adapters: adapters.map(({ path, scale }) => ({ path, scale })) };
  const { path } = merged;
  if (adapters.length > 1 || merged.scale !== 1) {
    throw new ChatError({
      code: 'chat_model_unloadable',
      message: `${path} can't be mixed with others or scaled: llama.cpp has no adapters of its kind, so it is merged with its base.`,
      hint: 'Choose it alone, at full strength.',
      details: { model_path, adapter_path: path, reason: 'llama.cpp has no adapters of its kind' },
    });
  }
  const live = await liveModel(model_path, path, threads);
  return { model_path: live.model_path, adapters: [] };
}
